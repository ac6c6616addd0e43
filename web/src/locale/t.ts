// All texts of the screens come from one catalogue; {name} is filled in, {n:day|days} stands for one
// of both. English is always there, others are fetched.
import en from './en.json';

export type Key = keyof typeof en;
type Catalogue = Partial<Record<Key, string>>;
export const languages: Record<string, string> = { en: 'English', de: 'Deutsch' };
const fetched: Record<string, () => Promise<Catalogue>> = { en: async () => en, // whole, or it does not build
  de: () => import('./de.json').then((m): Record<Key, string> => m.default), xx: async () => pseudo() };
let current: Catalogue = en;
let code = 'en';

/** For tests: every text marked, so that one that is not from the catalogue stands out. */
function pseudo(): Catalogue {
  return Object.fromEntries(Object.entries(en).map(([k, v]) => [k, '⟦' + v + '⟧'])) as Catalogue;
}

export const language = () => code;
/** A label in the middle of a sentence; German writes its nouns with a capital there too. */
export const noun = (label: string) => (code === 'de' ? label : label.toLowerCase());
/** What of it was chosen: in this browser, by the user's record, by the browser itself. */
export const pick = (...wishes: (string | undefined)[]) => wishes.map((w) => w?.slice(0, 2).toLowerCase() ?? '').find((w) => w in fetched) ?? 'en';
/** Gives whether the texts are others now. One that cannot be fetched leaves them as they are. */
export async function setLanguage(wish: string): Promise<boolean> {
  const short = pick(wish);
  if (short === code && current) { document.documentElement.lang = short === 'xx' ? 'en' : short; return false; }
  try { current = await fetched[short]!(); } catch { return false; }
  code = short === 'xx' ? 'en' : short;
  document.documentElement.lang = code;
  return true;
}
export function t(key: Key, values?: Record<string, string | number>): string {
  const text = current[key] ?? en[key];
  return values ? text.replace(/\{(\w+)(?::([^{}|]*)\|([^{}]*))?\}/g, (all, name: string, one?: string, more?: string) => (
    !(name in values) ? all : one === undefined ? String(values[name]) : String(values[name]) === '1' ? one : more!)) : text;
}
