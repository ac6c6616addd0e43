// Making or changing one tile, with what it will show beside it.
import { Button, Group, Modal, MultiSelect, NativeSelect, NumberInput, Stack, Textarea, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { CHARTS } from '../chart/ask';
import { chartable, otherGroup } from '../chart/ChartView';
import { FilterBar } from '../filter/FilterBar';
import { bestGroup, groupable } from '../list/columns';
import { MeasurePicker } from '../list/measure';
import { GroupPicker } from '../list/GroupPicker';
import { t } from '../locale/t';
import { sortable, useMeta } from '../meta/meta';
import { Segments } from '../ui/Segments';
import { useAllViews } from '../views/views';
import { SIZE, TILE_KINDS, type Tile, type TileKind } from './dashboards';
import { TileBody, useTile } from './TileBody';

const asks = (k: TileKind) => k === 'number' || k === 'chart' || k === 'list';

/** Only what this kind of tile has. */
function clean(x: Tile): Tile {
  const all: Tile = { id: x.id, kind: x.kind, w: x.w, h: x.h };
  const keys: (keyof Tile)[] = ['title', ...(asks(x.kind) ? ['entity', 'where'] as const : []), ...(x.kind === 'number' ? ['measure'] as const : x.kind === 'chart' ? ['measure', 'group', 'chart', ...(x.chart === 'heat' ? ['across'] as const : [])] as const : x.kind === 'list' ? ['sort', 'columns', 'rows'] as const : x.kind === 'view' ? ['view', 'rows'] as const : ['text'] as const)];
  for (const k of keys) if (x[k] !== undefined && x[k] !== '' && !(Array.isArray(x[k]) && !x[k].length)) (all as any)[k] = x[k];
  return x.kind === 'text' ? { ...all, text: x.text ?? '' } : all;
}

function Preview({ tile }: { tile: Tile }) {
  const shown = useTile(tile);
  return <fieldset className="preview tilepreview" aria-label={t('tile.preview')}><legend>{t('tile.preview')}</legend><div className={`dtile k-${tile.kind}`} inert><header><h2 className="cut">{shown.title}</h2></header><div className="dtilebody"><TileBody tile={tile} height={230} title={shown.title} e={shown.e} view={shown.view} waiting={shown.waiting} /></div></div></fieldset>;
}

export default function TileDialog({ tile, fresh, onDone, onClose }: { tile: Tile; fresh: boolean; onDone: (x: Tile) => void; onClose: () => void }) {
  const meta = useMeta();
  const views = useAllViews().data ?? [];
  const nav = meta.nav();
  const objects = [...nav.main, ...nav.activities, ...nav.own, ...nav.system].filter((e) => !e.link);
  const begin = (entity: string): Partial<Tile> => { const o = meta.entity(entity)!; const first = bestGroup(o, meta, groupable); return { entity, where: '', measure: '', sort: '', columns: [], group: first?.name ?? '', across: otherGroup(o, meta, first), chart: tile.chart || 'bar' }; };
  const [x, setX] = useState<Tile>(() => (asks(tile.kind) && !tile.entity && objects[0] ? { ...tile, ...begin(objects[0].name) } : tile));
  const [text, setText] = useState(false);
  const e = meta.entity(x.entity ?? '');
  const set = (more: Partial<Tile>) => setX((old) => ({ ...old, ...more }));
  const kind = (k: TileKind) => set({ kind: k, ...(fresh && SIZE[k]), ...(asks(k) && !x.entity && begin(objects[0]!.name)), ...(k === 'view' && !x.view && { view: views[0]?.id }) });
  const ready = x.kind === 'text' ? true : x.kind === 'view' ? !!x.view : !!e && (x.kind !== 'chart' || !!x.group);
  const submit = (ev: FormEvent) => { ev.preventDefault(); if (ready) onDone(clean(x)); };
  const down = (x.sort ?? '').startsWith('-');
  return (
    <Modal opened onClose={onClose} title={fresh ? t('tile.new') : t('tile.edit')} size="xl" closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Segments label={t('tile.kind')} className="wrapping" data={TILE_KINDS.filter((k) => k !== 'view' || views.length || x.kind === 'view').map((k) => ({ value: k, label: t(`tile.kind.${k}`) }))} value={x.kind} onChange={(k) => kind(k as TileKind)} />
          <TextInput label={t('tile.title')} maxLength={120} value={x.title ?? ''} onChange={(ev) => set({ title: ev.currentTarget.value })} />
          {asks(x.kind) && <NativeSelect label={t('tile.entity')} data={objects.map((o) => ({ value: o.name, label: o.label_plural }))} value={x.entity ?? ''} onChange={(ev) => set(begin(ev.currentTarget.value))} />}
          {asks(x.kind) && e && <div role="group" aria-label={t('tile.where')}><div className="fieldname">{t('tile.where')}</div><div className="filterbar inset"><FilterBar key={e.name} entity={e} where={x.where ?? ''} text={text} onText={setText} onChange={(where) => set({ where })} /></div></div>}
          {(x.kind === 'number' || x.kind === 'chart') && e && <Group gap={8}><span className="dim">{t('chart.measure')}</span><MeasurePicker entity={e} label={t('chart.measure')} none={t('measure.count')} value={x.measure ?? ''} onChange={(measure) => set({ measure })} /></Group>}
          {x.kind === 'chart' && e && (
            <>
              <Segments small className="wrapping" label={t('chart.kind')} value={x.chart ?? 'bar'} onChange={(chart) => set({ chart })} data={CHARTS.map((k) => ({ value: k, label: t(`chart.${k}`) }))} />
              <Group gap={8}><span className="dim">{t('chart.by')}</span><GroupPicker entity={e} label={t('chart.by')} fit={chartable} value={x.group ?? ''} onChange={(group) => set({ group })} />
                {x.chart === 'heat' && <><span className="dim">{t('chart.across')}</span><GroupPicker entity={e} label={t('chart.across')} fit={chartable} value={x.across ?? ''} onChange={(across) => set({ across })} /></>}</Group>
            </>
          )}
          {x.kind === 'list' && e && (
            <>
              <MultiSelect label={t('list.columns')} maxValues={4} comboboxProps={{ withinPortal: true }} data={e.fields.filter((f) => f.kind !== 'json' && f.name !== e.title && !f.hidden).map((f) => ({ value: f.name, label: f.label }))} value={x.columns ?? []} onChange={(columns) => set({ columns })} />
              <Group gap={8} align="flex-end">
                <NativeSelect label={t('sort.title')} data={[{ value: '', label: t('sort.none') }, ...e.fields.filter((f) => sortable(f) && !f.hidden).map((f) => ({ value: f.name, label: f.label }))]} value={(x.sort ?? '').replace(/^-/, '')} onChange={(ev) => set({ sort: (down ? '-' : '') + ev.currentTarget.value })} />
                {x.sort && <NativeSelect aria-label={t('sort.direction', { n: 1 })} data={[{ value: '', label: t('sort.up') }, { value: '-', label: t('sort.down') }]} value={down ? '-' : ''} onChange={(ev) => set({ sort: ev.currentTarget.value + x.sort!.replace(/^-/, '') })} />}
              </Group>
            </>
          )}
          {x.kind === 'view' && <NativeSelect label={t('tile.view')} data={views.map((v) => ({ value: String(v.id), label: `${meta.entity(v.entity)?.label_plural ?? v.entity}: ${v.name}` }))} value={String(x.view ?? '')} onChange={(ev) => set({ view: Number(ev.currentTarget.value) })} />}
          {(x.kind === 'list' || x.kind === 'view') && <NumberInput label={t('tile.rows')} min={1} max={50} maw={140} value={x.rows ?? 8} onChange={(v) => set({ rows: Math.min(50, Math.max(1, Number(v) || 8)) })} />}
          {x.kind === 'text' && <Textarea label={t('tile.text')} autosize minRows={3} maxRows={10} maxLength={4000} value={x.text ?? ''} onChange={(ev) => set({ text: ev.currentTarget.value })} />}
          {ready && <Preview tile={clean(x)} />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('cancel')}</Button><Button type="submit" disabled={!ready}>{fresh ? t('tile.add') : t('tile.apply')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
