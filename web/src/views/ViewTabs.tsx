// Saved views as tabs over the list: open, save, save as, rename, share, delete.
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { ListState } from '../list/state';
import { t } from '../locale/t';
import { can, useMeta, type Entity } from '../meta/meta';
import { Drop } from '../ui/Drop';
import { later } from '../ui/later';
import { sayError } from '../ui/undo';
import { useSaveView, type View } from './views';

const SaveForm = later(async () => ({ default: (await import('./ViewForms')).SaveForm }), 'soon');
const ShareForm = later(async () => ({ default: (await import('./ViewForms')).ShareForm }), 'soon');
const OptionsForm = later(async () => ({ default: (await import('./ViewForms')).OptionsForm }), 'soon');

function SaveAs({ entity, state, label }: { entity: Entity; state: ListState; label: string }) {
  const [open, setOpen] = useState(false);
  return <Drop opened={open} onClose={() => setOpen(false)} label={label} width={260} target={<Button size="compact-sm" variant="outline" onClick={() => setOpen(!open)}>{label}</Button>}><SaveForm entity={entity} state={state} onDone={() => setOpen(false)} /></Drop>;
}

function Share({ view }: { view: View }) {
  const [open, setOpen] = useState(false);
  return <Drop opened={open} onClose={() => setOpen(false)} label={t('view.share')} width={290} target={<Button size="compact-sm" variant="subtle" color="gray" onClick={() => setOpen(!open)}>{t('view.share')}</Button>}><ShareForm view={view} /></Drop>;
}

function Options({ view, state }: { view: View; state: ListState }) {
  const [open, setOpen] = useState(false);
  const label = t('view.options', { name: view.name });
  return <Drop opened={open} onClose={() => setOpen(false)} label={label} width={270} target={<Button size="compact-sm" variant="subtle" color="gray" aria-label={label} onClick={() => setOpen(!open)}>⋯</Button>}><OptionsForm view={view} state={state} onDone={() => setOpen(false)} /></Drop>;
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
      {view && mine && !changed && <Share view={view} />}
      {view && mine && <Options key={view.id} view={view} state={state} />}
    </div>
  );
}
