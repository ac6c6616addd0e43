// One value being edited: what is typed, saving it against the version it was read at, what the server said to it.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, Problem } from '../api/client';
import { t } from '../locale/t';
import { can, keptIn, writable, type Entity, type Field, type Rec } from '../meta/meta';
import { isEmpty, toServer } from './format';

/** Why a value cannot be changed where it stands, in a sentence; nothing when it can. */
export function whyFixed(e: Entity, f: Field, r: Rec): string {
  const kept = keptIn(e, f);
  if (f.kind === 'formula' || f.kind === 'rollup') return t('fixed.computed');
  if (f.kind === 'auto_number') return t('fixed.number');
  if (e.append_only) return t('fixed.kept', { label: e.label_plural });
  if (!can(e, 'update')) return t('fixed.records', { label: e.label_plural });
  if (!kept.length || kept.some((x) => x.right !== 'write')) return t('fixed.right');
  if (!kept.every(writable)) return t('fixed.program');
  return f.set_once && !isEmpty(r[f.name]) ? t('fixed.once') : '';
}
export const mayEdit = (e: Entity, f: Field, r: Rec) => !whyFixed(e, f, r);

/** What is edited: the parts of a name, else the value itself. */
const start = (e: Entity, f: Field, r: Rec) => (keptIn(e, f).length > 1 ? Object.fromEntries(keptIn(e, f).map((x) => [x.name, r[x.name] ?? ''])) : r[f.name]);

/** The fields that are sent so that a record has this value: of a list, one piece of its first entry. */
export function toSend(e: Entity, f: Field, r: Rec, v: any): Record<string, unknown> {
  const kept = keptIn(e, f), list = kept[0]!;
  if (kept.length > 1) return Object.fromEntries(kept.map((x) => [x.name, toServer(x, v[x.name])]));
  if (!f.mirror) return { [f.name]: toServer(f, v) };
  const items: any[] = r[list.name]?.length ? r[list.name] : [{}], first = Math.max(0, items.findIndex((p) => p.primary));
  // without its number a phone is none; an address without a city may still be one
  const left = isEmpty(v) && list.kind !== 'addresses' ? [] : [{ ...items[first], [f.mirror_part!]: v }];
  return { [list.name]: toServer(list, items.flatMap((p, i) => (i === first ? left : p))) };
}
/** What is sent to give it back what it has now. */
export const asItIs = (e: Entity, f: Field, r: Rec) => Object.fromEntries(keptIn(e, f).map((x) => [x.name, toServer(x, r[x.name])]));

/** What was typed, and over which version of the record. */
export interface Typed { value: any; version: number }

export function useEdit(e: Entity, f: Field, r: Rec, done: (saved: Rec) => void, /** what was typed before */ kept?: Typed) {
  const client = useQueryClient();
  const [value, setValue] = useState<any>(() => (kept ? kept.value : start(e, f, r)));
  const [base, setBase] = useState(kept?.version ?? r.version);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Problem | null>(null);
  const [theirs, setTheirs] = useState<Rec | null>(null);
  return {
    value, base, setValue, busy, error,
    /** the record as somebody else has left it meanwhile: there is a choice to make */
    theirs: error?.status === 412 ? theirs : null,
    message: error && !(error.status === 412 && theirs) ? keptIn(e, f).map((x) => error.at(x.name)).find(Boolean) ?? error.message : undefined,
    begin() { setValue(start(e, f, r)); setBase(r.version); setError(null); },
    reset() { setError(null); },
    /** Without a version it is the one that was on the screen when editing began. */
    async save(v: unknown = value, version = base) {
      setBusy(true);
      setError(null);
      try {
        const { data } = await call<Rec>('PATCH', `/${e.plural}/${r.id}`, toSend(e, f, theirs ?? r, v), { 'If-Match': `"${version}"` });
        client.setQueryData(['record', e.name, r.id], data);
        void client.invalidateQueries({ queryKey: ['history', e.name, r.id] });
        done(data);
        return true;
      } catch (x) {
        const p = x instanceof Problem ? x : new Problem(0, '', String(x), [], '');
        if (p.status === 412) {
          const now = await call<Rec>('GET', `/${e.plural}/${r.id}`).catch(() => null);
          if (now) { setTheirs(now.data); client.setQueryData(['record', e.name, r.id], now.data); }
        }
        setError(p);
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}
