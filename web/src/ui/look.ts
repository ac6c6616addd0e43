// How close rows stand, and which language the screens speak: kept in this browser.
const read = (k: string) => { try { return localStorage.getItem(k) ?? ''; } catch { return ''; } };
const write = (k: string, v: string) => { try { if (v) localStorage.setItem(k, v); else localStorage.removeItem(k); } catch { /* no storage: it holds for this page */ } };
export const density = () => (read('kith-density') === 'compact' ? 'compact' : 'comfortable');
export function setDensity(d: string) { write('kith-density', d === 'compact' ? d : ''); document.documentElement.dataset.density = d; }
export const chosenLanguage = () => read('kith-language');
export const chooseLanguage = (code: string) => write('kith-language', code);
