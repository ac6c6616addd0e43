// What the buttons beside the views open: save as a new one, share, rename and the rest.
import { Button, Checkbox, Group, Stack, Switch, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import type { ListState } from '../list/state';
import { t } from '../locale/t';
import type { Entity } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { later } from '../ui/later';
import { sayError, undoable } from '../ui/undo';
import { useSaveView, type View } from './views';

const ShareWith = later(() => import('./ShareWith'));

export function SaveForm({ entity: e, state, onDone }: { entity: Entity; state: ListState; onDone: () => void }) {
  const save = useSaveView();
  const [name, setName] = useState('');
  const [pinned, setPinned] = useState(true);
  const [shared, setShared] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    setBusy(true);
    try {
      const v = await save.create(e, name.trim() || t('view.unnamed'), state.look, { shared, pinned });
      onDone();
      state.open(v);
    } catch (x) { setError(x); } finally { setBusy(false); }
  }
  return (
    <form onSubmit={(ev) => void submit(ev)}>
      <Stack gap={8}>
        <TextInput size="xs" label={t('view.name')} data-autofocus autoFocus value={name} placeholder={t('view.unnamed')} onChange={(ev) => setName(ev.currentTarget.value)} />
        <Checkbox size="xs" label={t('view.pin')} checked={pinned} onChange={(ev) => setPinned(ev.currentTarget.checked)} />
        <Checkbox size="xs" label={t('view.share.all')} checked={shared} onChange={(ev) => setShared(ev.currentTarget.checked)} />
        <Complaint error={error} />
        <Button type="submit" size="xs" loading={busy}>{t('save')}</Button>
      </Stack>
    </form>
  );
}

export function ShareForm({ view }: { view: View }) {
  const save = useSaveView();
  return (
    <Stack gap={10}>
      <Switch size="sm" data-autofocus label={t('view.share.all')} checked={view.shared} onChange={(ev) => void save.change(view, { shared: ev.currentTarget.checked }).catch(sayError)} />
      {!view.shared && <ShareWith entity="view" id={view.id} />}
    </Stack>
  );
}

export function OptionsForm({ view, state, onDone }: { view: View; state: ListState; onDone: () => void }) {
  const save = useSaveView();
  const [name, setName] = useState(view.name);
  const run = (work: Promise<unknown>, close = false) => void work.then(() => { if (close) onDone(); }, sayError);
  async function remove() {
    await save.remove(view);
    state.open(null);
    undoable(t('view.deleted', { name: view.name }), () => save.restore(view));
  }
  return (
    <Stack gap={10}>
      <form onSubmit={(ev) => { ev.preventDefault(); if (name.trim()) run(save.change(view, { name: name.trim() }), true); }}>
        <Group gap={6} align="flex-end" wrap="nowrap"><TextInput size="xs" className="grow" label={t('view.name')} value={name} onChange={(ev) => setName(ev.currentTarget.value)} /><Button size="xs" type="submit" variant="default" disabled={!name.trim() || name.trim() === view.name}>{t('view.rename')}</Button></Group>
      </form>
      <Checkbox size="xs" label={t('view.pin')} checked={view.pinned} onChange={(ev) => run(save.change(view, { pinned: ev.currentTarget.checked }))} />
      <Checkbox size="xs" label={t('view.first')} checked={view.first} onChange={(ev) => run(save.change(view, { first: ev.currentTarget.checked }))} />
      <Button size="xs" color="red" variant="outline" onClick={() => run(remove(), true)}>{t('view.delete')}</Button>
    </Stack>
  );
}
