// An expression as a tree, the same that the server reads (docs/manual/expressions.md), and back to text.
export type Tree =
  | { field: string }
  | { text: string }
  | { value: string }
  | { op: string; args: Tree[] }
  | { call: string; args: Tree[]; where?: Tree };

export const isField = (x: Tree | undefined): x is { field: string } => !!x && 'field' in x;
export const isOp = (x: Tree | undefined): x is { op: string; args: Tree[] } => !!x && 'op' in x;
export const isCall = (x: Tree | undefined): x is { call: string; args: Tree[]; where?: Tree } => !!x && 'call' in x;
export const isChain = (x: Tree | undefined): x is { op: string; args: Tree[] } => isOp(x) && (x.op === 'and' || x.op === 'or');

export const COMPARE = ['=', '!=', '<', '<=', '>', '>='];
export const MATCH = ['like', 'not like', 'contains', 'not contains', 'starts with', 'not starts with', 'ends with', 'not ends with'];

// how tightly a node binds: what binds looser than its place asks for is put into parentheses
const OR = 1, AND = 2, NOT = 3, PREDICATE = 4, SUM = 5, TERM = 6, SIGN = 7, PRIMARY = 8;
function level(x: Tree): number {
  if (!isOp(x)) return PRIMARY;
  switch (x.op) {
    case 'or': return OR;
    case 'and': return AND;
    case 'not': return NOT;
    case '+': case '-': return SUM;
    case '*': case '/': return TERM;
    case 'neg': return SIGN;
    default: return PREDICATE;
  }
}
const quoted = (s: string) => `'${s.replaceAll("'", "''")}'`;

function print(x: Tree, least: number): string {
  const s = bare(x);
  return level(x) < least ? `(${s})` : s;
}
function bare(x: Tree): string {
  if ('field' in x) return x.field;
  if ('text' in x) return quoted(x.text);
  if ('value' in x) return x.value;
  if ('call' in x) return `${x.call}(${x.args.map((a) => print(a, OR)).join(', ')}${x.where ? ' where ' + print(x.where, OR) : ''})`;
  const [a, b, c] = x.args as [Tree, Tree, Tree];
  switch (x.op) {
    case 'and': return x.args.map((y) => print(y, NOT)).join(' and ');
    case 'or': return x.args.map((y) => print(y, AND)).join(' or ');
    case 'not': return `not ${print(a, NOT)}`;
    case '+': case '-': return `${print(a, SUM)} ${x.op} ${print(b, TERM)}`;
    case '*': case '/': return `${print(a, TERM)} ${x.op} ${print(b, SIGN)}`;
    case 'neg': return '-' + print(a, SIGN);
    case 'between': case 'not between': return `${print(a, SUM)} ${x.op} ${print(b, SUM)} and ${print(c, SUM)}`;
    case 'is empty': case 'is not empty': return `${print(a, SUM)} ${x.op}`;
    case 'in': case 'not in': case 'has': case 'has any': case 'has all': return `${print(a, SUM)} ${x.op} (${x.args.slice(1).map((y) => print(y, SUM)).join(', ')})`;
    default: return `${print(a, SUM)} ${x.op} ${print(b, SUM)}`;
  }
}

/** The shortest text that reads as the same tree. */
export const toText = (x: Tree | null): string => (x ? print(x, OR) : '');

/** Conditions that must all hold: what stands as chips beside each other. */
export const conjuncts = (x: Tree | null): Tree[] => (!x ? [] : isOp(x) && x.op === 'and' ? x.args : [x]);
export function allOf(parts: Tree[]): Tree | null {
  const flat = parts.flatMap(conjuncts);
  return flat.length === 0 ? null : flat.length === 1 ? flat[0]! : { op: 'and', args: flat };
}
/** Two texts that must both hold; either may be empty. */
export function both(a: string | undefined, b: string | undefined): string | undefined {
  const parts = [a, b].filter((s): s is string => !!s?.trim());
  return parts.length < 2 ? parts[0] : parts.map((s) => `(${s})`).join(' and ');
}
