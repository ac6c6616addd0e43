// Columns, order, groups, and the menu of a list.
import { ActionIcon, Button, Checkbox, Group, NativeSelect, ScrollArea, Stack, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { t } from '../locale/t';
import { address, can, sortable, useMeta, valueKind, type Entity } from '../meta/meta';
import { Drop, Menu } from '../ui/Drop';
import { later } from '../ui/later';
import { columnsText } from '../views/views';
import { groupable, shownColumns, toColumns, type Shown } from './columns';
import { groupOf, UNITS } from './groups';
import { jumpField } from './ListBody';
import type { ListState } from './state';

const AddTo = later(() => import('../dashboard/AddTo'));

interface Props { entity: Entity; state: ListState }

export function ColumnsButton({ entity: e, state }: Props) {
  const [open, setOpen] = useState(false);
  const [find, setFind] = useState('');
  const shown = shownColumns(e, state.look.cols);
  const put = (list: Shown[]) => state.change({ cols: columnsText(toColumns(list)) }, true);
  const move = (i: number, by: number) => { const list = [...shown]; [list[i], list[i + by]] = [list[i + by]!, list[i]!]; put(list); };
  const fits = (f: Entity['fields'][number]) => !find || f.label.toLowerCase().includes(find.toLowerCase()) || f.name.includes(find.toLowerCase());
  const rest = e.fields.filter((f) => f.kind !== 'json' && !shown.some((c) => c.field === f) && fits(f));
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={t('list.columns')} side="bottom-end" width={300} tight target={<Button size="xs" variant="default" onClick={() => setOpen(!open)}>{t('list.columns')}</Button>}>
        <TextInput size="xs" mb={8} aria-label={t('columns.find')} placeholder={t('columns.find')} value={find} onChange={(ev) => setFind(ev.currentTarget.value)} />
        <ScrollArea.Autosize mah={380} type="auto" viewportProps={{ tabIndex: 0, role: 'group', 'aria-label': t('list.columns') }}>
          <Stack gap={5} pe="md" w={270}>
            {shown.map((c, i) => !fits(c.field) ? null : (
              <Group key={c.field.name} gap={2} wrap="nowrap">
                <Checkbox size="xs" className="grow" label={c.field.label} disabled={i === 0} checked onChange={() => put(shown.filter((x) => x !== c))} />
                <ActionIcon size={24} variant="subtle" color="gray" disabled={i < 2} aria-label={t('columns.left', { label: c.field.label })} onClick={() => move(i, -1)}>↑</ActionIcon>
                <ActionIcon size={24} variant="subtle" color="gray" disabled={i === 0 || i === shown.length - 1} aria-label={t('columns.right', { label: c.field.label })} onClick={() => move(i, 1)}>↓</ActionIcon>
              </Group>
            ))}
            {rest.map((f) => <Checkbox key={f.name} size="xs" label={f.label} checked={false} onChange={() => put([...shown, { field: f, width: 0, fixed: false }])} />)}
          </Stack>
        </ScrollArea.Autosize>
        <Button size="compact-xs" mt={8} variant="default" onClick={() => state.change({ cols: '' }, true)}>{t('list.columns.reset')}</Button>
    </Drop>
  );
}

export function SortButton({ entity: e, state }: Props) {
  const [open, setOpen] = useState(false);
  const [from, setFrom] = useState('');
  const keys = state.look.sort ? state.look.sort.split(',') : [];
  const fields = e.fields.filter((f) => sortable(f) && !f.hidden);
  const put = (list: string[]) => state.change({ sort: list.join(',') });
  const name = (k: string) => k.replace(/^-/, '');
  const jump = jumpField(e, state.look.sort);
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={t('sort.title')} side="bottom-end" width={326} target={<Button size="xs" variant="default" onClick={() => setOpen(!open)}>{t('sort.title')}{keys.length ? ` · ${keys.length}` : ''}</Button>}>
        <Stack gap={6} w={300}>
          {keys.length === 0 && <div className="dim">{t('sort.none')}</div>}
          {keys.map((k, i) => (
            <Group key={i} gap={4} wrap="nowrap">
              <NativeSelect className="grow" size="xs" aria-label={t('sort.key', { n: i + 1 })} data={fields.map((f) => ({ value: f.name, label: f.label }))} value={name(k)} onChange={(ev) => put(keys.map((x, y) => (y === i ? (x.startsWith('-') ? '-' : '') + ev.currentTarget.value : x)))} />
              <NativeSelect size="xs" aria-label={t('sort.direction', { n: i + 1 })} data={[{ value: '', label: t('sort.up') }, { value: '-', label: t('sort.down') }]} value={k.startsWith('-') ? '-' : ''} onChange={(ev) => put(keys.map((x, y) => (y === i ? ev.currentTarget.value + name(x) : x)))} />
              <button type="button" className="fx" aria-label={t('sort.remove', { n: i + 1 })} onClick={() => put(keys.filter((_, y) => y !== i))}>✕</button>
            </Group>
          ))}
          {keys.length < 4 && <NativeSelect size="xs" aria-label={t('sort.add')} data={[{ value: '', label: t('sort.add') }, ...fields.filter((f) => !keys.map(name).includes(f.name)).map((f) => ({ value: f.name, label: f.label }))]} value="" onChange={(ev) => { if (ev.currentTarget.value) put([...keys, ev.currentTarget.value]); }} />}
          {jump && <form style={{ display: 'flex', gap: 6 }} onSubmit={(ev) => { ev.preventDefault(); if (from.trim()) { state.set({ from: from.trim() }); setOpen(false); } }}><TextInput size="xs" className="grow" aria-label={t('sort.jump', { label: jump.label })} placeholder={t('sort.jump', { label: jump.label })} value={from} onChange={(ev) => setFrom(ev.currentTarget.value)} /><Button type="submit" size="xs" variant="default">{t('sort.go')}</Button></form>}
        </Stack>
    </Drop>
  );
}

/** Which field makes the groups, and for days how fine. Serves the list, the board and the chart. */
export function GroupPicker({ entity: e, value, fit, onChange, label, none }: { entity: Entity; value: string; fit: (f: Entity['fields'][number]) => boolean; onChange: (v: string) => void; label: string; none?: string }) {
  const g = groupOf(e, value);
  return (
    <Group gap={6} wrap="nowrap">
      <NativeSelect size="xs" className="grow" aria-label={label} data={[...(none !== undefined ? [{ value: '', label: none }] : []), ...e.fields.filter((f) => fit(f) && !f.hidden).map((f) => ({ value: f.name, label: f.label }))]} value={g?.field.name ?? ''} onChange={(ev) => { const f = e.fields.find((x) => x.name === ev.currentTarget.value); onChange(f ? f.name + (['date', 'instant'].includes(valueKind(f)) ? ':month' : '') : ''); }} />
      {g?.unit && <NativeSelect size="xs" aria-label={t('group.unit')} data={UNITS.map((u) => ({ value: u, label: t(`unit.${u}`) }))} value={g.unit} onChange={(ev) => onChange(`${g.field.name}:${ev.currentTarget.value}`)} />}
    </Group>
  );
}
export function GroupButton({ entity: e, state }: Props) {
  const [open, setOpen] = useState(false);
  const g = groupOf(e, state.look.group);
  return (
    <Drop opened={open} onClose={() => setOpen(false)} label={t('group.title')} side="bottom-end" width={280} target={<Button size="xs" variant="default" onClick={() => setOpen(!open)}>{t('group.title')}{g ? `: ${g.field.label}` : ''}</Button>}><GroupPicker entity={e} label={t('group.title')} none={t('group.off')} fit={groupable} value={state.look.group} onChange={(group) => state.change({ group })} />
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
