// What was deleted, and the way back.
import { Button, NativeSelect } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ago } from '../fields/format';
import { t } from '../locale/t';
import { can, titleOf, useMeta } from '../meta/meta';
import { Empty, ErrorState, Letter, Loading } from '../ui/bits';
import { say } from '../ui/undo';
import { Page } from './Page';
import { useRows, useSave } from './rows';

export default function Bin() {
  const meta = useMeta();
  const client = useQueryClient();
  const save = useSave();
  const all = meta.raw.entities.filter((e) => !e.link && !e.append_only && can(e, 'delete') && (e.module !== 'system' || ['view', 'team', 'user'].includes(e.name)));
  const [at, setAt] = useState(meta.nav().main.find((e) => all.includes(e))?.name ?? all[0]?.name ?? '');
  const e = meta.entity(at)!;
  const rows = useRows(e.plural, { bin: 'true', sort: '-id', fields: ['id', 'deleted_at', e.title].filter(Boolean).join(',') });
  async function back(id: number, name: string) {
    if (!await save('POST', `/${e.plural}/${id}/restore`)) return;
    say('bin', t('bin.restored', { name }));
    for (const k of ['list', 'count', 'related']) void client.invalidateQueries({ queryKey: [k, e.name] });
  }
  return (
    <Page title={t('set.bin')} help={t('bin.help')}>
      <NativeSelect maw={320} aria-label={t('fields.entity')} data={all.map((x) => ({ value: x.name, label: x.label_plural }))} value={at} onChange={(ev) => setAt(ev.currentTarget.value)} />
      {rows.error ? <ErrorState error={rows.error} retry={() => void rows.refetch()} /> : !rows.data ? <Loading height={120} mt="sm" /> : rows.data.length === 0 ? <Empty title={t('bin.empty')} /> : (
        <ul className="plainlist" aria-label={t('set.bin')} style={{ marginTop: 12 }}>{rows.data.slice(0, 500).map((r) => <li key={r.id} style={{ alignItems: 'center' }}><Letter text={titleOf(e, r)} of={e.name} /><span className="grow cut">{titleOf(e, r)}</span><small className="dim">{r.deleted_at ? ago(r.deleted_at) : ''}</small><Button size="compact-sm" variant="default" aria-label={t('bin.restore.of', { name: titleOf(e, r) })} onClick={() => void back(r.id, titleOf(e, r))}>{t('bin.restore')}</Button></li>)}</ul>
      )}
    </Page>
  );
}
