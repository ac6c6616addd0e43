// What a list shows now, put on a dashboard: an open view as itself, a chart as a chart, else the list.
import { Button, Group, Modal, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import { otherGroup } from '../chart/ChartView';
import { bestGroup, groupable, shownColumns } from '../list/columns';
import { groupOf } from '../list/groups';
import type { ListState } from '../list/state';
import { t } from '../locale/t';
import { useMeta, type Entity } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { undoable } from '../ui/undo';
import { newId, SIZE, useDashboards, useMayChange, useSaveDashboard, type Tile } from './dashboards';

export default function AddTo({ entity: e, state, onClose }: { entity: Entity; state: ListState; onClose: () => void }) {
  const meta = useMeta();
  const may = useMayChange();
  const save = useSaveDashboard();
  const [, go] = useLocation();
  const all = (useDashboards().data ?? []).filter(may.change);
  const [at, setAt] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [title, setTitle] = useState(state.view && !state.changed ? '' : e.label_plural);
  const [error, setError] = useState<unknown>(null);
  const { look, view, changed } = state;
  const chosen = at ?? String(all[0]?.id ?? '');

  function tile(): Tile {
    const base = { id: newId(), ...(title.trim() && { title: title.trim() }) };
    if (view && !changed) return { ...base, kind: 'view', ...SIZE.view, view: view.id };
    const where = look.where ? { where: look.where } : {};
    if (look.kind === 'chart' || look.kind === 'board') {
      const by = groupOf(e, look.group || bestGroup(e, meta, groupable)?.name || '');
      const chart = look.kind === 'board' ? 'bar' : look.chart || (by?.unit ? 'line' : 'bar');
      return { ...base, kind: 'chart', ...SIZE.chart, entity: e.name, ...where, ...(look.measure && { measure: look.measure }), group: by?.text ?? '', chart, ...(chart === 'heat' && { across: look.across || otherGroup(e, meta, by?.field) }) };
    }
    return { ...base, kind: 'list', ...SIZE.list, entity: e.name, ...where, ...(look.sort && { sort: look.sort }), columns: shownColumns(e, look.cols).slice(1, 3).map((c) => c.field.name), rows: 8 };
  }
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    setError(null);
    try {
      const to = all.find((d) => String(d.id) === chosen);
      const before = to?.tiles;
      const d = to ? await save.change(to, { tiles: [...to.tiles, tile()] }) : await save.create(name.trim() || t('dash.unnamed'), [tile()]);
      onClose();
      undoable(t('dash.added', { name: d.name }), () => (before ? save.change(d, { tiles: before }) : save.remove(d)));
      go(`/dashboards/${d.id}`);
    } catch (x) { setError(x); }
  }
  return (
    <Modal opened onClose={onClose} title={t('dash.addto')} closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }}>
      <form onSubmit={(ev) => void submit(ev)}>
        <Stack gap="sm">
          {all.length > 0 && <NativeSelect label={t('dash.one')} data={[...all.map((d) => ({ value: String(d.id), label: d.name })), ...(may.create ? [{ value: '', label: t('dash.new') }] : [])]} value={chosen} onChange={(ev) => setAt(ev.currentTarget.value)} />}
          {chosen === '' && <TextInput label={t('view.name')} data-autofocus placeholder={t('dash.unnamed')} value={name} onChange={(ev) => setName(ev.currentTarget.value)} />}
          <TextInput label={t('tile.title')} maxLength={120} placeholder={view?.name} value={title} onChange={(ev) => setTitle(ev.currentTarget.value)} />
          <Complaint error={error} />
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('cancel')}</Button><Button type="submit">{t('tile.add')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
