// The leaves of an explained condition: what was asked, whether it holds, and the value that was seen.
export interface Why { text: string; holds?: boolean; op?: string; value?: unknown; args?: Why[] }
interface Leaf { text: string; yes: boolean; value?: string }

const plain = (v: unknown) => (v === null ? '–' : typeof v === 'object' ? JSON.stringify(v) : String(v));

/** `and` and `or` only hold the others together. */
export function leavesOf(w: Why): Leaf[] {
  const inner = w.args?.length === 1 ? w.args[0]! : undefined;
  // what is denied is said as it is written
  if (w.op === 'not' && inner && !['and', 'or', 'not'].includes(inner.op ?? '')) return [{ ...leavesOf(inner)[0]!, text: w.text, yes: !!w.holds }];
  if (w.op && ['and', 'or', 'not'].includes(w.op) && w.args?.length) return w.args.flatMap(leavesOf);
  const seen = w.args?.find((a) => 'value' in a && a.text !== plain(a.value));
  return [{ text: w.text, yes: !!w.holds, ...(seen && { value: plain(seen.value) }) }];
}
