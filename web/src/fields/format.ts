// Values as people read them, and what they type as the API takes it. No React here.
import type { Field } from '../meta/meta';
import { valueKind } from '../meta/meta';
import { language, t, type Key } from '../locale/t';

export const isEmpty = (v: unknown) => v === null || v === undefined || v === '' || (Array.isArray(v) && v.length === 0);

/** The usual kinds of an e-mail address, phone number and so on; others are free. */
export const SLOTS: Record<string, string[]> = { emails: ['work', 'home', 'other'], phones: ['work', 'mobile', 'home', 'fax', 'other'], urls: ['work', 'home', 'linkedin', 'other'], addresses: ['work', 'home', 'billing', 'shipping'] };
const known = new Set(Object.values(SLOTS).flat());
export const slotWord = (kind: string) => (known.has(kind) ? t(`slot.${kind}` as Key) : kind);

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();
function kept<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(key: string, make: () => T): T {
  const k = language() + key;
  if (!made.has(k)) made.set(k, make());
  return made.get(k) as T;
}

export function money(v: { amount: string; currency: string }): string {
  try {
    // as text: a number would lose the last digits of large sums
    return kept('m' + v.currency, () => new Intl.NumberFormat(language(), { style: 'currency', currency: v.currency, minimumFractionDigits: 2 })).format(v.amount as unknown as number);
  } catch {
    return `${v.amount} ${v.currency}`;
  }
}
export function number(v: string | number, scale?: number): string {
  return kept('n' + scale, () => new Intl.NumberFormat(language(), { minimumFractionDigits: 0, maximumFractionDigits: scale ?? 9 })).format(v as number);
}
/** For the axis of a chart: 1.2M. */
export function shortNumber(v: number): string {
  return Math.abs(v) < 100_000 ? number(v, 2) : kept('short', () => new Intl.NumberFormat(language(), { notation: 'compact', maximumFractionDigits: 1 })).format(v);
}
export function date(v: string): string {
  // of one without a year, a leap year's day
  if (/^--\d\d-\d\d$/.test(v)) return kept('y', () => new Intl.DateTimeFormat(language(), { month: 'short', day: 'numeric', timeZone: 'UTC' })).format(new Date(`2000-${v.slice(2)}T00:00:00Z`));
  if (!/^\d{4}-\d\d-\d\d$/.test(v)) return v;
  return kept('d', () => new Intl.DateTimeFormat(language(), { year: 'numeric', month: 'short', day: 'numeric', timeZone: 'UTC' })).format(new Date(v + 'T00:00:00Z'));
}
export function instant(v: string): string {
  const d = new Date(v);
  if (Number.isNaN(d.getTime())) return v;
  return kept('i', () => new Intl.DateTimeFormat(language(), { year: 'numeric', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' })).format(d);
}
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [['year', 31557600], ['month', 2629800], ['week', 604800], ['day', 86400], ['hour', 3600], ['minute', 60]];
/** Whole units that have gone by or are to come; days as the calendar has them, so that yesterday is yesterday. */
export function ago(v: string): string {
  const at = new Date(v), now = new Date();
  const s = (at.getTime() - now.getTime()) / 1000;
  const f = kept('r', () => new Intl.RelativeTimeFormat(language(), { numeric: 'auto' }));
  const [unit, n] = STEPS.find(([, size]) => Math.abs(s) >= size) ?? ['second', 1];
  if (unit === 'second') return t('time.now');
  return f.format(unit === 'day' ? Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date(now).setHours(0, 0, 0, 0)) / 86400_000) : Math.trunc(s / n), unit);
}
export function duration(s: number): string {
  const parts: string[] = [];
  let rest = Math.abs(Math.round(s));
  for (const [unit, n] of [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]] as const) {
    if (rest >= n) { parts.push(`${Math.floor(rest / n)} ${unit}`); rest %= n; }
  }
  return (s < 0 ? '-' : '') + (parts.slice(0, 2).join(' ') || '0 s');
}
export function parseDuration(text: string): number | string {
  const plain = text.trim();
  if (/^\d+$/.test(plain)) return Number(plain) * 60;
  const clock = /^(\d+):([0-5]\d)$/.exec(plain);
  if (clock) return Number(clock[1]) * 3600 + Number(clock[2]) * 60;
  const sizes: Record<string, number> = { d: 86400, h: 3600, min: 60, m: 60, s: 1 };
  let sum = 0;
  const left = plain.replace(/(\d+)\s*(d|h|min|m|s)\b/g, (_, n: string, u: string) => { sum += Number(n) * sizes[u]!; return ''; });
  return left.trim() === '' && sum > 0 ? sum : plain;
}
export function plainText(html: string): string {
  if (!/<\/?[a-z][^>]*>/i.test(html)) return html;
  return new DOMParser().parseFromString(html.replace(/<(br|\/p|\/div|\/li)[^>]*>/gi, '$&\n'), 'text/html').body.textContent?.trim() ?? '';
}
const part = (p: any) => p.address ?? p.number ?? p.url ?? [p.street, [p.postcode, p.city].filter(Boolean).join(' '), p.region, p.country].filter(Boolean).join(', ');

/** One line of text, for cells, titles of pages and the import's preview. */
export function asText(f: Field, v: any, choice: (code: string) => string): string {
  if (isEmpty(v)) return '';
  switch (valueKind(f)) {
    case 'money': return typeof v === 'object' ? money(v) : String(v);
    case 'integer': return /^(id|port)$|year/.test(f.name) ? String(v) : number(v, 0);
    case 'decimal': return number(v, f.scale ?? 9);
    case 'percent': return number(v, f.scale ?? 2) + ' %';
    case 'date': return date(String(v));
    case 'instant': return instant(String(v));
    case 'duration': return duration(Number(v));
    case 'yes_no': return v ? t('yes') : t('no');
    case 'choice': return choice(v);
    case 'choices': case 'tags': return (v as string[]).map(choice).join(', ');
    case 'reference': case 'any_reference': case 'file': return typeof v === 'object' ? (v.name ?? `#${v.id}`) : String(v);
    case 'many': return (v as any[]).map((x) => x.name ?? `#${x.id}`).join(', ');
    case 'emails': case 'phones': case 'urls': case 'addresses': return (v as any[]).map(part).join(', ');
    case 'place': return `${Number(v.lat).toFixed(4)}, ${Number(v.lng).toFixed(4)}`;
    case 'json': return JSON.stringify(v);
    case 'rich_text': return plainText(String(v));
    default: return typeof v === 'object' ? JSON.stringify(v) : String(v);
  }
}
export const editableKind = (f: Field) => !['formula', 'rollup', 'auto_number', 'person_name'].includes(f.kind);
export const isNumeric = (f: Field) => ['integer', 'decimal', 'percent', 'money', 'duration'].includes(valueKind(f));

/** What goes to the server: lists without what the server itself has added. */
export function toServer(f: Field, v: any): unknown {
  if (v === '' || v === undefined) return null;
  switch (valueKind(f)) {
    case 'reference': case 'file': return v && typeof v === 'object' ? v.id : v;
    case 'any_reference': return v && { entity: v.entity, id: v.id };
    case 'many': return (v ?? []).map(({ name: _, ...rest }: any) => rest);
    case 'emails': case 'phones': case 'urls': case 'addresses':
      return (v ?? []).map(({ key: _, ...rest }: any) => Object.fromEntries(Object.entries(rest).filter(([, x]) => x !== '' && x !== null)))
        .filter((p: any) => Object.keys(p).some((k) => k !== 'kind' && k !== 'primary'));
    case 'integer': return /^-?\d{1,15}$/.test(String(v)) ? Number(v) : v;
    default: return v;
  }
}
export const localInput = (iso: string | null | undefined) => {
  if (!iso) return '';
  const d = new Date(iso);
  return Number.isNaN(d.getTime()) ? '' : new Date(d.getTime() - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
};
const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
/** Bytes in the largest unit that leaves a whole part. */
export function bytes(n: number): string {
  const step = Math.min(SIZES.length - 1, n < 1 ? 0 : Math.floor(Math.log10(n) / 3));
  return kept('b' + step, () => new Intl.NumberFormat(language(), { style: 'unit', unit: SIZES[step], unitDisplay: 'short', maximumFractionDigits: step ? 1 : 0 })).format((n / 1000 ** step) as unknown as never);
}
