const LONGEST = 120;
const FALLBACK = 'document';

/**
 * A name under which a browser may save a document. Names come from whoever filed it: no folders, nothing that cannot be
 * seen or turns the order of the letters, no leading dot.
 */
export function fileName(title: string): string {
  const visible = title
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, '')
    .replace(/[/\\:*?"<>|]/g, '_')
    .replace(/^[.\s]+|[.\s]+$/gu, '');
  return [...visible].slice(-LONGEST).join('').trim() || FALLBACK;
}

/** RFC 6266: the name in plain letters, and as it is (RFC 8187) where it has others. @param name of `fileName` */
export function contentDisposition(type: 'inline' | 'attachment', name: string): string {
  const plain = name.replace(/[^ -~]/g, '_').replace(/[%\\"]/g, '_');
  const exact = encodeURIComponent(name).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${type}; filename="${plain}"${plain === name ? '' : `; filename*=UTF-8''${exact}`}`;
}
