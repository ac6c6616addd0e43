// A value edited where it stands. Enter saves, Tab saves and goes on, Esc leaves it; one choice is saved at once.
import { Button, Group } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, type KeyboardEvent } from 'react';
import { call } from '../api/client';
import { Display } from '../fields/Display';
import { Input } from '../fields/Input';
import { asItIs, toSend, useEdit } from '../fields/useEdit';
import { t } from '../locale/t';
import { keptIn, type Entity, type Field, type Rec } from '../meta/meta';
import { undoable } from '../ui/undo';
import { patchRows, pick } from './rows';

export type After = 'stay' | 'right' | 'left' | 'blur';

export default function CellEditor({ entity: e, field: f, row: r, onEnd }: { entity: Entity; field: Field; row: Rec; onEnd: (after: After) => void }) {
  const client = useQueryClient();
  const box = useRef<HTMLDivElement>(null);
  const after = useRef<After>('stay');
  const before = useRef(r);
  const parts = keptIn(e, f).length > 1 ? keptIn(e, f) : null;
  const edit = useEdit(e, f, r, (data) => {
    patchRows(client, e, r.id, (old) => ({ ...old, ...pick(data, old) }));
    void client.invalidateQueries({ queryKey: ['count', e.name] });
    const old = asItIs(e, f, before.current);
    undoable(null, async () => {
      const { data: back } = await call<Rec>('PATCH', `/${e.plural}/${r.id}`, old);
      patchRows(client, e, r.id, (x) => ({ ...x, ...pick(back, x) }));
    });
    onEnd(after.current);
  });
  const one = ['choice', 'yes_no', 'reference'].includes(f.kind);
  const several = ['choices', 'tags', 'many', 'emails', 'phones', 'urls', 'addresses'].includes(f.kind);
  const long = ['long_text', 'rich_text', 'json'].includes(f.kind);
  const begun = useRef(edit.value);
  const sent = (v: unknown) => JSON.stringify(toSend(e, f, before.current, v));
  const same = (v: unknown) => sent(v) === sent(begun.current);
  function save(then: After, v: unknown = edit.value) {
    after.current = then;
    if (same(v)) onEnd(then); else void edit.save(v);
  }
  const latest = useRef(save);
  latest.current = save;
  useEffect(() => {
    // a click elsewhere keeps what was typed; the list of a control hangs outside of it
    const f = (ev: PointerEvent) => {
      const at = ev.target as HTMLElement;
      if (!box.current?.contains(at) && !at.closest('[data-portal]')) latest.current('blur');
    };
    document.addEventListener('pointerdown', f, true);
    return () => document.removeEventListener('pointerdown', f, true);
  }, []);
  function key(ev: KeyboardEvent) {
    ev.stopPropagation();
    const open = (ev.target as HTMLElement).getAttribute('aria-expanded') === 'true';
    if (ev.key === 'Escape') onEnd('stay');
    else if (ev.key === 'Tab' && (parts || f.kind === 'instant') && ev.target !== [...box.current!.querySelectorAll('input')].at(ev.shiftKey ? 0 : -1)) return;
    else if (ev.key === 'Tab' && !(several && f.kind !== 'tags' && f.kind !== 'choices' && f.kind !== 'many')) { ev.preventDefault(); save(ev.shiftKey ? 'left' : 'right'); }
    else if (ev.key === 'Enter' && (ev.ctrlKey || (!long && !(one && open) && !several))) { ev.preventDefault(); save('stay'); }
  }
  return (
    <div className={parts ? 'celleditor parts' : 'celleditor'} ref={box} onKeyDown={key} onClick={(ev) => ev.stopPropagation()}>
      {parts ? (
        <Group gap={6} wrap="nowrap" align="flex-end">{parts.map((x, i) => <Input key={x.name} field={x} label={x.label} value={edit.value[x.name]} error={i ? undefined : edit.message} autoFocus={i === 0} onChange={(v) => edit.setValue({ ...edit.value, [x.name]: v })} />)}</Group>
      ) : <Input field={f} value={edit.value} error={edit.message} autoFocus open onChange={(v) => { edit.setValue(v); if (one) save('stay', v); }} />}
      {edit.theirs && (
        <div role="alert">
          <div style={{ color: 'var(--mantine-color-error)' }}>{t('record.stale')}</div>
          <div>{t('record.stale.now')} <b><Display field={f} value={edit.theirs[f.name]} /></b></div>
          <Group gap={6} mt={4}><Button size="compact-sm" variant="default" onClick={() => void edit.save(edit.value, edit.theirs!.version)}>{t('record.stale.mine')}</Button><Button size="compact-sm" variant="default" onClick={() => onEnd('stay')}>{t('record.stale.theirs')}</Button></Group>
        </div>
      )}
      {(several || long) && !edit.theirs && <Group gap={6} mt={6}><Button size="compact-sm" loading={edit.busy} onClick={() => save('stay')}>{t('save')}</Button><Button size="compact-sm" variant="default" onClick={() => onEnd('stay')}>{t('cancel')}</Button></Group>}
    </div>
  );
}
