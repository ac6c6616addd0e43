// How an import ended, and the way back.
import { Button, Group, Stack } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { get, plain } from '../api/client';
import { undoSet, type ChangeSet } from '../api/undo';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { address, type Entity } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { Link } from '../ui/Link';
import { useAct } from '../ui/useAct';
import { begin, type Import } from './plan';
import { ReportView } from './Report';

/** Whether a change set has been taken back. */
export function useUndone(set: number | null) {
  return useQuery({ queryKey: ['change_set', set], enabled: !!set, retry: false, queryFn: async ({ signal }) => (await get<{ items: ChangeSet[] }>('/change_sets', { before: set! + 1, limit: 1 }, signal)).items.find((x) => x.id === set) ?? null });
}

export function UndoImport({ i, small, onDone }: { i: Import; small?: boolean; onDone?: (text: string) => void }) {
  const client = useQueryClient();
  const { busy, error, act: undo } = useAct(async () => {
    const r = await undoSet(i.change_set!);
    onDone?.(r.left ? t('import.undone.left', { n: number(r.left), why: r.why }) : t('import.undone'));
    await client.invalidateQueries();
  });
  return <><Button size={small ? 'compact-xs' : 'sm'} variant="default" loading={busy} aria-label={small ? t('import.undo.of', { name: i.name }) : undefined} onClick={undo}>{t(small ? 'undo' : 'import.undo')}</Button><Complaint error={error} /></>;
}

/** The rejected rows as a file of their own, from the mapping on: a wrong format is chosen anew, and they go in. */
function MapAgain({ entity: e, i }: { entity: Entity; i: Import }) {
  const [, go] = useLocation();
  const { busy, error, act: again } = useAct(async () => {
    const rows = await plain(`/api/v1/imports/${i.id}/rejects`);
    go(`${address(e)}/import?id=${await begin(e, new File([rows], i.name.replace(/\.(xlsx|vcf)$/i, '.csv')))}`); // they come as text
  });
  return <><Button variant="default" loading={busy} onClick={again}>{t('import.again', { n: number(i.rejected ?? 0) })}</Button><Complaint error={error} /></>;
}

export function Result({ entity: e, i }: { entity: Entity; i: Import }) {
  const set = useUndone(i.change_set);
  const [said, setSaid] = useState('');
  const undone = !!set.data?.undone_by;
  return (
    <Stack gap="md">
      <div><b>{i.name}</b> · {i.state === 'done' ? t('import.rows', { n: number(i.rows ?? 0) }) : t(i.state === 'failed' ? 'import.failed' : 'import.cancelled')}</div>
      {i.error && <Complaint error={new Error(i.error)} />}
      {(undone || said) && <div role="status"><b>{said || t('import.undone')}</b></div>}
      <Group gap="xs">
        <Button component={Link} href={address(e)} variant={i.state === 'done' ? 'filled' : 'default'}>{t('import.show', { label: e.label_plural })}</Button>
        {!!i.rejected && !undone && <MapAgain entity={e} i={i} />}
        {!!i.change_set && set.data && !undone && <UndoImport i={i} onDone={setSaid} />}
        <Button component={Link} href={address(e) + '/import'} variant="default">{t('import.another')}</Button>
      </Group>
      {i.report && !i.report.check && <ReportView entity={e} report={i.report} id={i.id} />}
    </Stack>
  );
}
