// One value being edited: what is typed, saving it against the version it was read at, what the server said to it.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, Problem } from '../api/client';
import { can, writable, type Entity, type Field, type Rec } from '../meta/meta';
import { editableKind, isEmpty, toServer } from './format';

export const mayEdit = (e: Entity, f: Field, r: Rec) => can(e, 'update') && writable(f) && editableKind(f) && !(f.set_once && !isEmpty(r[f.name]));

export function useEdit(e: Entity, f: Field, r: Rec, done: (saved: Rec) => void) {
  const client = useQueryClient();
  const [value, setValue] = useState<any>(r[f.name]);
  const [base, setBase] = useState(r.version);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Problem | null>(null);
  return {
    value, setValue, busy, error,
    stale: error?.status === 412,
    message: error && error.status !== 412 ? error.at(f.name) ?? error.message : undefined,
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
        setError(p);
        if (p.status === 412) void client.invalidateQueries({ queryKey: ['record', e.name, r.id] });
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}
