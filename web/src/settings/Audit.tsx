// Everything that was done, in the pieces in which it was done, with the way back.
import { Button, Switch, Table } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client';
import { undoSet, type ChangeSet } from '../api/undo';
import { ago, instant, number } from '../fields/format';
import { t, type Key } from '../locale/t';
import { useMeta } from '../meta/meta';
import { Chip, Empty, ErrorState, Loading } from '../ui/bits';
import { say, sayError } from '../ui/undo';
import { Page } from './Page';
import { useRows } from './rows';
import { ScrollX } from '../ui/ScrollX';

const KINDS = new Set(['edit', 'import', 'bulk', 'undo', 'job', 'batch', 'action', 'delete', 'demo']);
const kindOf = (c: ChangeSet) => (c.undo_of ? t('audit.undo', { n: c.undo_of }) : KINDS.has(c.kind) ? t(`audit.${c.kind}` as Key) : c.kind);

export default function Audit() {
  const meta = useMeta();
  const client = useQueryClient();
  const admin = meta.raw.user.admin;
  const [mine, setMine] = useState(!admin);
  const [busy, setBusy] = useState(0);
  const users = useRows('users', { fields: 'id,name' });
  const name = (id: number | null) => (id ? users.data?.find((u) => u.id === id)?.name ?? `#${id}` : t('history.nobody'));
  const list = useInfiniteQuery({
    queryKey: ['settings', 'change_sets', mine], initialPageParam: '', getNextPageParam: (last: { items: ChangeSet[]; next: number | null }) => (last.next ? String(last.next) : undefined),
    queryFn: ({ pageParam, signal }) => get<{ items: ChangeSet[]; next: number | null }>('/change_sets', { limit: 50, before: pageParam, ...(!mine && { all: 'true' }) }, signal),
  });
  async function back(c: ChangeSet) {
    setBusy(c.id);
    try {
      const r = await undoSet(c.id);
      say('audit', r.left ? t('import.undone.left', { n: number(r.left), why: r.why }) : t('audit.done'));
      await client.invalidateQueries();
    } catch (x) { sayError(x); } finally { setBusy(0); }
  }
  const items = list.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <Page title={t('set.audit')} help={t('audit.help')} action={admin && <Switch label={t('audit.mine')} checked={mine} onChange={(ev) => setMine(ev.currentTarget.checked)} />}>
      {list.error ? <ErrorState error={list.error} retry={() => void list.refetch()} /> : list.isPending ? <Loading height={200} /> : items.length === 0 ? <Empty title={t('history.empty')} /> : (
        <ScrollX label={t('set.audit')}>
          <Table verticalSpacing={4}>
            <Table.Thead><Table.Tr><Table.Th>{t('audit.n')}</Table.Th><Table.Th>{t('audit.when')}</Table.Th><Table.Th>{t('audit.who')}</Table.Th><Table.Th>{t('audit.what')}</Table.Th><Table.Th>{t('audit.via')}</Table.Th><Table.Th><span className="hide">{t('undo')}</span></Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{items.map((c) => <Table.Tr key={c.id}><Table.Td className="num">{c.id}</Table.Td><Table.Td><time dateTime={c.at} title={instant(c.at)}>{ago(c.at)}</time></Table.Td><Table.Td>{name(c.user)}</Table.Td><Table.Td>{kindOf(c)}{c.label ? ` · ${c.label}` : ''}</Table.Td><Table.Td>{c.via}</Table.Td><Table.Td>{c.undone_by ? <Chip label={t('import.taken')} colour="gray" /> : <Button size="compact-xs" variant="default" loading={busy === c.id} aria-label={t('audit.undo.of', { n: c.id })} onClick={() => void back(c)}>{t('undo')}</Button>}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        </ScrollX>
      )}
      {list.hasNextPage && <Button mt="sm" variant="default" size="xs" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('more')}</Button>}
    </Page>
  );
}
