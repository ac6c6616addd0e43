// A date of which the year, or all but the year, may be missing, as people type it: "29 March 1985", "29.3.", "3/29", "1985".
import { language } from '../locale/t';

const pad = (n: number) => String(n).padStart(2, '0');
const bare = (s: string) => s.toLowerCase().replace(/\./g, '');

function monthNamed(word: string): number {
  for (const tongue of [language(), 'en']) {
    for (let m = 0; m < 12; m++) {
      const names = (['long', 'short'] as const).map((month) => bare(new Intl.DateTimeFormat(tongue, { month, timeZone: 'UTC' }).format(Date.UTC(2000, m, 15))));
      if (names.includes(word) || (word.length > 2 && names[0]!.startsWith(word))) return m + 1;
    }
  }
  return 0;
}
const dayFirst = () => { const parts = new Intl.DateTimeFormat(language()).formatToParts(new Date()).map((p) => p.type); return parts.indexOf('day') < parts.indexOf('month'); };

/** As the API writes it; what cannot be read as a date comes back as it is. */
export function parsePartial(text: string): string | null {
  const s = text.trim();
  if (!s) return null;
  const made = (day: number, month: number, year?: string) => (month > 0 && day > 0 && new Date(Date.UTC(year ? Number(year) : 2000, month - 1, day)).getUTCMonth() === month - 1 ? `${year ?? '-'}-${pad(month)}-${pad(day)}` : s);
  const iso = /^(\d{4})[./-](\d{1,2})[./-](\d{1,2})$/.exec(s);
  if (iso) return made(Number(iso[3]), Number(iso[2]), iso[1]);
  const digits = /^(\d{1,2})\s*([./-])\s*(\d{1,2})(?:\s*[./-]\s*(\d{4})|\.)?$/.exec(s);
  if (digits) {
    const [a, b] = [Number(digits[1]), Number(digits[3])];
    const first = digits[2] === '.' || dayFirst() ? b <= 12 : a > 12;
    return first ? made(a, b, digits[4]) : made(b, a, digits[4]);
  }
  const words = bare(s).split(/[\s,]+/), months = words.map(monthNamed).filter(Boolean);
  const days = words.filter((w) => /^\d{1,2}(st|nd|rd|th)?$/.test(w)), years = words.filter((w) => /^\d{4}$/.test(w));
  return months.length === 1 && days.length === 1 && years.length < 2 && words.length === 2 + years.length ? made(parseInt(days[0]!), months[0]!, years[0]) : s;
}
