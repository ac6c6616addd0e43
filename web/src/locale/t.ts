// All texts of the screens come from one catalogue; {name} is filled in.
import en from './en.json';

export type Key = keyof typeof en;
const catalogues: Record<string, Partial<Record<Key, string>>> = { en };
let current: Partial<Record<Key, string>> = en;

export const language = () => document.documentElement.lang || 'en';
export function setLanguage(code: string) {
  const short = code.slice(0, 2);
  current = catalogues[short] ?? en;
  document.documentElement.lang = catalogues[short] ? short : 'en';
}
export function t(key: Key, values?: Record<string, string | number>): string {
  const text = current[key] ?? en[key];
  return values ? text.replace(/\{(\w+)\}/g, (all, name: string) => (name in values ? String(values[name]) : all)) : text;
}
