// Saved views as tabs over the list: open, save, save as, rename, share, delete.
import { Button, Checkbox, Group, Stack, Switch, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { t } from '../locale/t';
import { can, useMeta, type Entity } from '../meta/meta';
import type { ListState } from '../list/state';
import { Complaint } from '../ui/bits';
import { Drop } from '../ui/Drop';
import { later } from '../ui/later';
import { sayError, undoable } from '../ui/undo';
import { useSaveView, type View } from './views';

const ShareWith = later(() => import('./ShareWith'));

function SaveAs({ entity: e, state, label }: { entity: Entity; state: ListState; label: string }) {
  const save = useSaveView();
  const [open, setOpen] = useState(false);
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
      setOpen(false);
      setName('');
      state.open(v);
    } catch (x) { setError(x); } finally { setBusy(false); }
  }
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={label} width={260} target={<Button size="compact-sm" variant="outline" onClick={() => { setError(null); setOpen(!open); }}>{label}</Button>}>
        <form onSubmit={(ev) => void submit(ev)}>
          <Stack gap={8}>
            <TextInput size="xs" label={t('view.name')} data-autofocus autoFocus value={name} placeholder={t('view.unnamed')} onChange={(ev) => setName(ev.currentTarget.value)} />
            <Checkbox size="xs" label={t('view.pin')} checked={pinned} onChange={(ev) => setPinned(ev.currentTarget.checked)} />
            <Checkbox size="xs" label={t('view.share.all')} checked={shared} onChange={(ev) => setShared(ev.currentTarget.checked)} />
            <Complaint error={error} />
            <Button type="submit" size="xs" loading={busy}>{t('save')}</Button>
          </Stack>
        </form>
    </Drop>
  );
}

function Rights({ view }: { view: View }) {
  const save = useSaveView();
  const [open, setOpen] = useState(false);
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={t('view.share')} width={290} target={<Button size="compact-sm" variant="subtle" color="gray" onClick={() => setOpen(!open)}>{t('view.share')}</Button>}>
        <Stack gap={10}>
          <Switch size="sm" data-autofocus label={t('view.share.all')} checked={view.shared} onChange={(ev) => void save.change(view, { shared: ev.currentTarget.checked }).catch(sayError)} />
          {!view.shared && <ShareWith entity="view" id={view.id} />}
        </Stack>
    </Drop>
  );
}

function Options({ view, state }: { view: View; state: ListState }) {
  const save = useSaveView();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState(view.name);
  const run = (work: Promise<unknown>, close = false) => void work.then(() => { if (close) setOpen(false); }, sayError);
  async function remove() {
    await save.remove(view);
    state.open(null);
    undoable(t('view.deleted', { name: view.name }), () => save.restore(view));
  }
  return (
    <Drop opened={open} onClose={() => { setOpen(false); setName(view.name); }} label={t('view.options', { name: view.name })} width={270} target={<Button size="compact-sm" variant="subtle" color="gray" aria-label={t('view.options', { name: view.name })} onClick={() => setOpen(!open)}>⋯</Button>}>
        <Stack gap={10}>
          <form onSubmit={(ev) => { ev.preventDefault(); if (name.trim()) run(save.change(view, { name: name.trim() }), true); }}>
            <Group gap={6} align="flex-end" wrap="nowrap"><TextInput size="xs" className="grow" label={t('view.name')} value={name} onChange={(ev) => setName(ev.currentTarget.value)} /><Button size="xs" type="submit" variant="default" disabled={!name.trim() || name.trim() === view.name}>{t('view.rename')}</Button></Group>
          </form>
          <Checkbox size="xs" label={t('view.pin')} checked={view.pinned} onChange={(ev) => run(save.change(view, { pinned: ev.currentTarget.checked }))} />
          <Checkbox size="xs" label={t('view.first')} checked={view.first} onChange={(ev) => run(save.change(view, { first: ev.currentTarget.checked }))} />
          <Button size="xs" color="red" variant="outline" onClick={() => run(remove(), true)}>{t('view.delete')}</Button>
        </Stack>
    </Drop>
  );
}

export function ViewTabs({ entity: e, state }: { entity: Entity; state: ListState }) {
  const { view, views, changed } = state;
  const save = useSaveView();
  const kept = useMeta().entity('view');
  const may = !!kept && can(kept, 'create');
  const mine = !!view && (view.mine || (!!kept && kept.rights.update === 'all'));
  if (!views.length && !changed) return null;
  return (
    <div className="viewtabs">
      <nav aria-label={t('view.tabs')} className="tabs">
        <button type="button" aria-current={!view} className={view ? 'tab' : 'tab here'} onClick={() => state.open(null)}>{t('view.all', { label: e.label_plural })}</button>
        {views.map((v) => <button key={v.id} type="button" aria-current={v === view} className={v === view ? 'tab here' : 'tab'} onClick={() => state.open(v)}>{v.name}{v.shared && !v.mine ? <span className="dim"> · {t('view.shared')}</span> : null}</button>)}
      </nav>
      {changed && view && mine && <Button size="compact-sm" variant="outline" onClick={() => void save.change(view, { look: state.look }).then(() => state.open(view), sayError)}>{t('save')}</Button>}
      {changed && may && <SaveAs entity={e} state={state} label={view ? t('view.saveas') : t('view.save')} />}
      {changed && <Button size="compact-sm" variant="subtle" color="gray" onClick={() => state.open(view ?? null)}>{t('view.reset')}</Button>}
      {view && mine && !changed && <Rights view={view} />}
      {view && mine && <Options key={view.id} view={view} state={state} />}
    </div>
  );
}
