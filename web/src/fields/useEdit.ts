// One value being edited: what is typed, saving it against the version it was read at, what the server said to it.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, Problem } from '../api/client';
import { can, writable, type Entity, type Field, type Rec } from '../meta/meta';
import { editableKind, isEmpty, toServer } from './format';

export const mayEdit = (e: Entity, f: Field, r: Rec) => can(e, 'update') && writable(f) && editableKind(f) && !(f.set_once && !isEmpty(r[f.name]));

/** What was typed, and over which version of the record. */
export interface Typed { value: any; version: number }

export function useEdit(e: Entity, f: Field, r: Rec, done: (saved: Rec) => void, /** what was typed before */ kept?: Typed) {
  const client = useQueryClient();
  const [value, setValue] = useState<any>(kept ? kept.value : r[f.name]);
  const [base, setBase] = useState(kept?.version ?? r.version);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Problem | null>(null);
  const [theirs, setTheirs] = useState<Rec | null>(null);
  return {
    value, base, setValue, busy, error,
    /** the record as somebody else has left it meanwhile: there is a choice to make */
    theirs: error?.status === 412 ? theirs : null,
    message: error && !(error.status === 412 && theirs) ? error.at(f.name) ?? error.message : undefined,
    begin() { setValue(r[f.name]); setBase(r.version); setError(null); },
    reset() { setError(null); },
    /** Without a version it is the one that was on the screen when editing began. */
    async save(v: unknown = value, version = base) {
      setBusy(true);
      setError(null);
      try {
        const { data } = await call<Rec>('PATCH', `/${e.plural}/${r.id}`, { [f.name]: toServer(f, v) }, { 'If-Match': `"${version}"` });
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
