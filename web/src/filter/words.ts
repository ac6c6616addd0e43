// Conditions in words, for chips, the builder and suggestions.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { date, duration, number } from '../fields/format';
import { fieldAt, labelAt, type Leaf } from '../expr/leaf';
import { t, type Key } from '../locale/t';
import { titleOf, useMeta, valueKind, type Entity, type Field, type Meta, type Rec } from '../meta/meta';

export function opWord(f: Field, op: string): string {
  const dates = ['date', 'instant'].includes(valueKind(f)) && ['=', '>=', '<', '>', '<='].includes(op);
  return t(((dates ? 'op.date.' : 'op.') + op) as Key);
}
export function valueWords(meta: Meta, f: Field, l: Leaf): string {
  const kind = valueKind(f);
  const one = (v: string) => {
    if (l.op === 'in period') return t(('period.' + v) as Key);
    switch (kind) {
      case 'choice': case 'choices': case 'tags': return meta.choices(f).find((c) => c.code === v)?.label || v;
      case 'yes_no': return v === 'false' ? t('no') : t('yes');
      case 'date': case 'instant': return date(v);
      case 'duration': { const m = /^(\d+)(s|min|h|d|w)$/.exec(v); return m ? duration(Number(m[1]) * { s: 1, min: 60, h: 3600, d: 86400, w: 604800 }[m[2] as 's']!) : v; }
      case 'integer': case 'decimal': case 'percent': case 'money': return /^-?\d+(\.\d+)?$/.test(v) ? number(v) : v;
      default: return v;
    }
  };
  return l.op === 'between' ? l.values.map(one).join(' – ') : l.values.map(one).join(', ');
}
export const leafWords = (meta: Meta, e: Entity, l: Leaf): string => {
  const f = fieldAt(meta, e, l.path);
  return f ? `${labelAt(meta, e, l.path)} ${opWord(f, l.op)} ${valueWords(meta, f, l)}`.trim() : `${l.path} ${l.op} ${l.values.join(', ')}`;
};
/** The name of a record that a condition has only by its number. */
export function useName(entity: string | undefined, id: string | undefined) {
  const e = useMeta().entity(entity ?? '');
  const on = !!e && /^\d+$/.test(id ?? '');
  const r = useQuery({ queryKey: ['record', e?.name, Number(id), 'name'], enabled: on, staleTime: 60_000, retry: false, queryFn: ({ signal }) => get<Rec>(`/${e!.plural}/${id}`, { fields: ['id', e!.title].filter(Boolean).join(',') }, signal) });
  return id === 'me' ? t('filter.me') : on ? (r.data ? titleOf(e!, r.data) : `#${id}`) : id ?? '';
}
