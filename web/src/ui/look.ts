// How close rows stand, and which language was spoken here last, for who has not signed in yet: kept in this browser.
const read = (k: string) => { try { return localStorage.getItem(k) ?? ''; } catch { return ''; } };
const write = (k: string, v: string) => { try { if (v) localStorage.setItem(k, v); else localStorage.removeItem(k); } catch { /* no storage: it holds for this page */ } };
export const density = () => (read('kith-density') === 'compact' ? 'compact' : 'comfortable');
export function setDensity(d: string) { write('kith-density', d === 'compact' ? d : ''); document.documentElement.dataset.density = d; }
export const lastLanguage = () => read('kith-language');
export const rememberLanguage = (code: string) => write('kith-language', code);
/** The language of the user's record, by which the server names things too; the one of the tests stays. */
export function languageOf(user: { language: string }) {
  if (lastLanguage() !== 'xx') rememberLanguage(user.language);
  return lastLanguage() || user.language;
}
