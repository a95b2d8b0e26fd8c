/** @file How wide text stands in a terminal: most characters take one place, East Asian ones and emoji two, accents none. */

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
// the blocks that Spark's show() counts twice, and those beyond 16 bits
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

/** What a reader takes for the characters of a text: an emoji of several code points is one. */
export function charactersOf(text: string): string[] {
  return isPlain(text) ? [...text] : Array.from(graphemes.segment(text), ({ segment }) => segment);
}

/** Places that the text takes. */
export function textWidth(text: string): number {
  if (isPlain(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}

function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}
