/** What was chosen from a list that lets one write something of one's own: `comment_OTH|words`, else the option alone. */
export interface Choice {
  option: string;
  comment: string;
}

export function parseChoice(stored: string): Choice {
  const [option = '', ...comment] = stored.startsWith('comment_') ? stored.split('|') : [stored];
  return { option: option.trim(), comment: comment.join('|').trim() };
}
