// What is measured of a set of records: how many, or a sum, an average, a least or greatest of a field.
import { NativeSelect } from '@mantine/core';
import { asText, number } from '../fields/format';
import { t, type Key } from '../locale/t';
import { valueKind, type Entity, type Field } from '../meta/meta';

const FUNCTIONS = ['sum', 'avg', 'min', 'max'] as const;
export const measured = (f: Field) => ['integer', 'decimal', 'percent', 'money', 'duration'].includes(valueKind(f)) && !['id', 'version'].includes(f.name) && !f.hidden;
export function measureOf(e: Entity, text: string): { fn: string; field: Field } | null {
  const m = /^(\w+)\((\w+)\)$/.exec(text);
  const field = m ? e.fields.find((f) => f.name === m[2]) : undefined;
  return m && field ? { fn: m[1]!, field } : null;
}
export const measureLabel = (e: Entity, text: string) => { const m = measureOf(e, text); return m ? t(`measure.${m.fn}` as Key, { label: m.field.label }) : t('measure.count'); };
/** As a person reads it; averages of money come as a plain number in the base currency. */
export function measureWords(e: Entity, text: string, v: unknown): string {
  const m = measureOf(e, text);
  if (v === null || v === undefined) return '';
  if (!m) return number(v as number);
  return m.fn === 'avg' ? number(v as number, 2) : asText(m.field, v, String);
}
export const measureNumber = (v: unknown): number => (v === null || v === undefined ? 0 : typeof v === 'object' ? Number((v as { amount: string }).amount) : Number(v));

export function MeasurePicker({ entity: e, value, onChange, label, none, sums }: { entity: Entity; value: string; onChange: (v: string) => void; label: string; none: string; sums?: boolean }) {
  const data = [{ value: '', label: none }, ...e.fields.filter(measured).flatMap((f) => FUNCTIONS.filter((fn) => !sums || fn === 'sum').map((fn) => ({ value: `${fn}(${f.name})`, label: t(`measure.${fn}`, { label: f.label }) })))];
  return <NativeSelect size="xs" aria-label={label} data={data} value={data.some((d) => d.value === value) ? value : ''} onChange={(ev) => onChange(ev.currentTarget.value)} />;
}
