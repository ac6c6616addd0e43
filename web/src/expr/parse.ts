// The text of an expression as a tree. The server alone decides whether names and kinds fit; this only reads the shape.
import { COMPARE, type Tree } from './tree';

export interface Token { kind: 'name' | 'text' | 'value' | 'sign'; text: string; from: number; to: number }
export class Unreadable extends Error { constructor(message: string, readonly at: number) { super(message); } }

const KEYWORDS = new Set(['and', 'or', 'not', 'in', 'like', 'between', 'is', 'empty', 'has', 'contains', 'starts', 'ends', 'with', 'where']);
const LITERALS = new Set(['true', 'false', 'null', 'now', 'today', 'me']);
const PIECES: [Token['kind'] | null, RegExp][] = [
  [null, /\s+/y],
  ['value', /\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?/y],
  ['value', /\d+(?:\.\d+)?(?:%|\s+km\b|\s+[A-Z]{3}\b|(?:min|mo|s|h|d|w|y)\b)?/y],
  ['text', /'(?:[^']|'')*'|"(?:[^"]|"")*"/y],
  ['name', /[@A-Za-z_][\w@]*(?:\.[@A-Za-z_][\w@]*)*/y],
  ['sign', /<=|>=|!=|[=<>()+\-*/,]/y],
];

/** What can be read from the front; the rest is left out. `rest` is where that begins. */
export function tokens(text: string): { list: Token[]; rest: number } {
  const list: Token[] = [];
  let at = 0;
  while (at < text.length) {
    let found = false;
    for (const [kind, re] of PIECES) {
      re.lastIndex = at;
      const m = re.exec(text);
      if (!m) continue;
      if (kind) list.push({ kind, text: m[0], from: at, to: at + m[0].length });
      at += m[0].length;
      found = true;
      break;
    }
    if (!found) break;
  }
  return { list, rest: at };
}

class Reader {
  private at = 0;
  constructor(private list: Token[], private end: number, private named: (path: string) => string) {}
  private peek(n = 0) { return this.list[this.at + n]; }
  private word(n = 0) { const t = this.peek(n); return t?.kind === 'name' ? t.text.toLowerCase() : ''; }
  private sign(s: string) { const t = this.peek(); if (t?.kind === 'sign' && t.text === s) { this.at++; return true; } return false; }
  private take(...words: string[]) {
    if (!words.every((w, i) => this.word(i) === w)) return false;
    this.at += words.length;
    return true;
  }
  fail(expected: string): never { throw new Unreadable(expected, this.peek()?.from ?? this.end); }

  whole(): Tree {
    const x = this.or();
    if (this.peek()) this.fail('end');
    return x;
  }
  private or(): Tree {
    const args = [this.and()];
    while (this.take('or')) args.push(this.and());
    return args.length > 1 ? { op: 'or', args } : args[0]!;
  }
  private and(): Tree {
    const args = [this.not()];
    while (this.take('and')) args.push(this.not());
    return args.length > 1 ? { op: 'and', args } : args[0]!;
  }
  private not(): Tree {
    return this.take('not') ? { op: 'not', args: [this.not()] } : this.predicate();
  }
  private predicate(): Tree {
    const a = this.sum();
    const t = this.peek();
    if (t?.kind === 'sign' && COMPARE.includes(t.text)) { this.at++; return { op: t.text, args: [a, this.sum()] }; }
    if (this.take('is', 'not', 'empty')) return { op: 'is not empty', args: [a] };
    if (this.take('is', 'empty')) return { op: 'is empty', args: [a] };
    for (const kind of ['any', 'all']) if (this.word() === 'has' && this.word(1) === kind && this.peek(2)?.text === '(') { this.at += 2; return { op: 'has ' + kind, args: [a, ...this.items()] }; }
    if (this.take('has')) return { op: 'has', args: [a, ...(this.peek()?.text === '(' ? this.items() : [this.sum()])] };
    const no = this.word() === 'not' && ['between', 'in', 'like', 'contains', 'starts', 'ends'].includes(this.word(1)) ? 'not ' : '';
    if (no) this.at++;
    if (this.take('between')) {
      const b = this.sum();
      if (!this.take('and')) this.fail('and');
      return { op: no + 'between', args: [a, b, this.sum()] };
    }
    if (this.take('in')) return { op: no + 'in', args: [a, ...this.items()] };
    for (const w of ['like', 'contains']) if (this.take(w)) return { op: no + w, args: [a, this.sum()] };
    for (const w of ['starts', 'ends']) if (this.take(w, 'with')) return { op: `${no}${w} with`, args: [a, this.sum()] };
    if (no) this.fail('operator');
    return a;
  }
  private items(): Tree[] {
    if (!this.sign('(')) this.fail('(');
    const out = [this.sum()];
    while (this.sign(',')) out.push(this.sum());
    if (!this.sign(')')) this.fail(')');
    return out;
  }
  private sum(): Tree {
    let a = this.term();
    for (;;) {
      if (this.sign('+')) a = { op: '+', args: [a, this.term()] };
      else if (this.sign('-')) a = { op: '-', args: [a, this.term()] };
      else return a;
    }
  }
  private term(): Tree {
    let a = this.signed();
    for (;;) {
      if (this.sign('*')) a = { op: '*', args: [a, this.signed()] };
      else if (this.sign('/')) a = { op: '/', args: [a, this.signed()] };
      else return a;
    }
  }
  private signed(): Tree { return this.sign('-') ? { op: 'neg', args: [this.signed()] } : this.primary(); }
  private primary(): Tree {
    const t = this.peek();
    if (!t) this.fail('value');
    if (this.sign('(')) {
      const x = this.or();
      if (!this.sign(')')) this.fail(')');
      return x;
    }
    if (t.kind === 'sign' || (t.kind === 'name' && KEYWORDS.has(t.text.toLowerCase()))) this.fail('value');
    this.at++;
    if (t.kind === 'text') { const q = t.text[0]!; return { text: t.text.slice(1, -1).replaceAll(q + q, q) }; }
    if (t.kind === 'value') return { value: t.text };
    if (LITERALS.has(t.text.toLowerCase())) return { value: t.text.toLowerCase() };
    if (!this.sign('(')) return { field: this.named(t.text) };
    const args: Tree[] = [];
    let where: Tree | undefined;
    if (!this.sign(')')) {
      do args.push(this.or()); while (this.sign(','));
      if (this.take('where')) where = this.or();
      if (!this.sign(')')) this.fail(')');
    }
    return where ? { call: t.text, args, where } : { call: t.text, args };
  }
}

/** The tree, or null for an empty text. Throws Unreadable. `named` may put names where a stored text has numbers. */
export function fromText(text: string, named: (path: string) => string = (s) => s): Tree | null {
  const { list, rest } = tokens(text);
  if (rest < text.length) throw new Unreadable('value', rest);
  return list.length ? new Reader(list, text.length, named).whole() : null;
}
export function read(text: string, named?: (path: string) => string): { tree: Tree | null; ok: boolean } {
  try { return { tree: fromText(text, named), ok: true }; } catch (e) { if (e instanceof Unreadable) return { tree: null, ok: false }; throw e; }
}
