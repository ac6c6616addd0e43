// Columns, order, groups, and the menu of a list.
import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { t } from '../locale/t';
import { address, can, useMeta, type Entity } from '../meta/meta';
import { Drop, Menu } from '../ui/Drop';
import { later } from '../ui/later';
import { groupable, shownColumns } from './columns';
import { groupOf } from './groups';
import type { ListState } from './state';

const AddTo = later(() => import('../dashboard/AddTo'));
const Columns = later(() => import('./Columns'), 'soon');
const Sorting = later(() => import('./Sorting'), 'soon');
const GroupPicker = later(async () => ({ default: (await import('./GroupPicker')).GroupPicker }), 'soon');

interface Props { entity: Entity; state: ListState }

export function ColumnsButton({ entity, state }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={t('list.columns')} side="bottom-end" width={300} tight target={<Button size="xs" variant="default" onClick={() => setOpen(!open)}>{t('list.columns')}</Button>}>
      <Columns entity={entity} state={state} />
    </Drop>
  );
}

export function SortButton({ entity, state }: Props) {
  const [open, setOpen] = useState(false);
  const { sort } = state.look;
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={t('sort.title')} side="bottom-end" width={326} target={<Button size="xs" variant="default" onClick={() => setOpen(!open)}>{t('sort.title')}{sort ? ` · ${sort.split(',').length}` : ''}</Button>}>
      <Sorting entity={entity} state={state} onDone={() => setOpen(false)} />
    </Drop>
  );
}

export function GroupButton({ entity, state }: Props) {
  const [open, setOpen] = useState(false);
  const g = groupOf(entity, state.look.group);
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={t('group.title')} side="bottom-end" width={280} target={<Button size="xs" variant="default" onClick={() => setOpen(!open)}>{t('group.title')}{g ? `: ${g.field.label}` : ''}</Button>}>
      <GroupPicker entity={entity} label={t('group.title')} none={t('group.off')} fit={groupable} value={state.look.group} onChange={(group) => state.change({ group })} />
    </Drop>
  );
}

export function MoreMenu({ entity: e, state }: Props) {
  const client = useQueryClient();
  const dashboard = useMeta().entity('dashboard');
  const [adding, setAdding] = useState(false);
  const { look, q } = state;
  const fields = shownColumns(e, look.cols).map((c) => c.field.name);
  const href = (format: string) => `/api/v1/${e.plural}/export?` + new URLSearchParams({ format, fields: ['id', ...fields.filter((f) => f !== 'id')].join(','), ...(look.where && { where: look.where }), ...(q && { q }), ...(look.sort && { sort: look.sort }) }).toString();
  return (
    <>
    <Menu target={<button type="button" className="more lined" aria-label={t('list.more')}>⋯</button>} lines={[
      ...(can(e, 'import') ? [{ label: t('import.open'), href: address(e) + '/import' }] : []),
      ...(can(e, 'export') ? [{ label: t('list.export'), href: href('csv'), download: `${e.plural}.csv` }, { label: t('list.export.jsonl'), href: href('jsonl'), download: `${e.plural}.jsonl` }] : []),
      { label: t('list.reload'), run: () => void client.resetQueries({ queryKey: ['list', e.name] }) },
      ...(dashboard && can(dashboard, 'create') ? [{ label: t('dash.addto'), run: () => setAdding(true) }] : []),
    ]} />
    {adding && <AddTo entity={e} state={state} onClose={() => setAdding(false)} />}
    </>
  );
}
