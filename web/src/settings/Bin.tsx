// What was deleted, and the way back.
import { Button, NativeSelect } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client';
import { ago } from '../fields/format';
import { t } from '../locale/t';
import { can, titleOf, useMeta, type Entity, type Rec } from '../meta/meta';
import { Empty, ErrorState, Letter, Loading } from '../ui/bits';
import { say } from '../ui/undo';
import { Page } from './Page';
import { useRows, useSave } from './rows';

const MANY = 100;
interface Full { e: Entity; n: number; more: boolean; last: string }
/** The objects that have something in the bin, the one deleted from last first. */
function useFull(all: Entity[]) {
  return useQuery({ queryKey: ['settings', 'bin', all.map((e) => e.name)], queryFn: async ({ signal }) => {
    const found = await Promise.all(all.map(async (e): Promise<Full> => {
      const { items, next } = await get<{ items: Rec[]; next: string | null }>(`/${e.plural}`, { bin: 'true', sort: '-deleted_at', fields: 'id,deleted_at', limit: MANY }, signal);
      return { e, n: items.length, more: next !== null, last: String(items[0]?.deleted_at ?? '') };
    }));
    return found.filter((x) => x.n > 0).sort((a, b) => b.last.localeCompare(a.last));
  } });
}

function Of({ e }: { e: Entity }) {
  const client = useQueryClient();
  const save = useSave();
  const rows = useRows(e.plural, { bin: 'true', sort: '-deleted_at', fields: ['id', 'deleted_at', e.title].filter(Boolean).join(',') });
  async function back(id: number, name: string) {
    if (!await save('POST', `/${e.plural}/${id}/restore`)) return;
    say('bin', t('bin.restored', { name }));
    for (const k of ['list', 'count', 'related']) void client.invalidateQueries({ queryKey: [k, e.name] });
  }
  if (rows.error) return <ErrorState error={rows.error} retry={() => void rows.refetch()} />;
  if (!rows.data) return <Loading height={120} mt="sm" />;
  if (rows.data.length === 0) return <Empty title={t('bin.none', { label: e.label_plural })} />;
  return <ul className="plainlist" aria-label={t('set.bin')} style={{ marginTop: 12 }}>{rows.data.slice(0, 500).map((r) => <li key={r.id} style={{ alignItems: 'center' }}><Letter text={titleOf(e, r)} of={e.name} /><span className="grow cut">{titleOf(e, r)}</span><small className="dim">{r.deleted_at ? ago(r.deleted_at) : ''}</small><Button size="compact-sm" variant="default" aria-label={t('bin.restore.of', { name: titleOf(e, r) })} onClick={() => void back(r.id, titleOf(e, r))}>{t('bin.restore')}</Button></li>)}</ul>;
}

export default function Bin() {
  const meta = useMeta();
  const all = meta.raw.entities.filter((e) => !e.link && !e.append_only && can(e, 'delete') && (e.module !== 'system' || ['view', 'team', 'user'].includes(e.name)));
  const full = useFull(all);
  const [at, setAt] = useState('');
  const here = meta.entity(at) ?? full.data?.[0]?.e;
  // what has just been emptied stays to be seen as empty
  const shown = full.data && here && !full.data.some((x) => x.e === here) ? [...full.data, { e: here, n: 0, more: false }] : full.data ?? [];
  return (
    <Page title={t('set.bin')} help={t('bin.help')}>
      {full.error ? <ErrorState error={full.error} retry={() => void full.refetch()} /> : !full.data ? <Loading height={120} mt="sm" /> : !here ? <Empty title={t('bin.empty')} /> : (
        <>
          <NativeSelect maw={320} aria-label={t('fields.entity')} data={shown.map((x) => ({ value: x.e.name, label: `${x.e.label_plural} (${x.n}${x.more ? '+' : ''})` }))} value={here.name} onChange={(ev) => setAt(ev.currentTarget.value)} />
          <Of key={here.name} e={here} />
        </>
      )}
    </Page>
  );
}
