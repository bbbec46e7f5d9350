/** Words that bring up the notice about emergencies. They never block sending. */
const URGENT = [
  /chest (pain|tightness|pressure)/,
  /(can.?t|cannot|can not|hard to|trouble|difficulty) breath/,
  /short(ness)? of breath/,
  /\bstroke\b/,
  /\b(suicid|kill myself|end my life|hurt myself|self.?harm)/,
  /\boverdos/,
  /\bunconscious|passed out|faint(ed|ing)\b/,
  /(heavy|severe|won.?t stop|can.?t stop|a lot of) bleed|bleeding (heavily|a lot)/,
  /\bemergency\b|\b911\b/,
  /swollen (tongue|throat|face)|throat (is )?clos/,
  /\banaphyla/,
  /\bseizure/,
];

export function soundsUrgent(typed: string): boolean {
  const plain = typed.toLowerCase().replaceAll('’', "'");
  return URGENT.some((pattern) => pattern.test(plain));
}
