// Everything that was done, in the pieces in which it was done, with the way back.
import { Button, Group, Modal, NativeSelect } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client';
import { undoSet, type ChangeSet, type Touched } from '../api/undo';
import { ago, instant, number } from '../fields/format';
import { t } from '../locale/t';
import { address, useMeta } from '../meta/meta';
import { did, kindOfSet, through } from '../record/done';
import { Chip, Empty, ErrorState, Letter, Loading } from '../ui/bits';
import { Link } from '../ui/Link';
import { say, sayError } from '../ui/undo';
import { Page } from './Page';
import { useRows } from './rows';

interface Window { items: ChangeSet[]; next: number | null }

function Record({ of: x }: { of: Touched }) {
  const meta = useMeta();
  const e = meta.entity(x.entity);
  const name = x.name || `${e?.label ?? x.entity} ${x.id}`;
  const there = e && !e.link && x.kind !== 'deleted' && x.kind !== 'removed';
  const fields = x.kind === 'changed' ? x.fields.map((f) => e?.fields.find((k) => k.name === f)?.label ?? f) : [];
  return (
    <div style={{ overflowWrap: 'anywhere' }}>
      {did(x.kind)} {there ? <Link className="reflink" href={address(e, x.id)}>{name}</Link> : <b>{name}</b>}
      {x.name && e && <span className="dim"> · {e.label}</span>}{fields.length > 0 && <span className="dim"> · {fields.join(', ')}</span>}
    </div>
  );
}

const heading = (c: ChangeSet) => [c.undo_of ? t('audit.undo', { n: c.undo_of }) : kindOfSet(c.kind), c.label].filter(Boolean).join(' · ');
const more = (c: ChangeSet) => (c.changes >= 10000 ? t('audit.many', { n: number(c.changes) }) : t('audit.count', { n: number(c.changes) }));

function What({ of: c }: { of: ChangeSet }) {
  const head = heading(c);
  return (
    <>
      {head && <div><b>{head}</b></div>}
      {c.records.map((x) => <Record key={`${x.entity} ${x.id}`} of={x} />)}
      {c.changes > c.records.length && c.records.length > 2 && <div className="dim">{more(c)}</div>}
      {c.changes === 0 && <div className="dim">{t('audit.gone')}</div>}
    </>
  );
}

export default function Audit() {
  const meta = useMeta();
  const client = useQueryClient();
  const { admin, id: me } = meta.raw.user;
  const [who, setWho] = useState(admin ? 'people' : '');
  const [busy, setBusy] = useState(0);
  const [sure, setSure] = useState<ChangeSet | null>(null);
  const users = useRows('users', { fields: 'id,name' });
  const list = useInfiniteQuery({
    queryKey: ['settings', 'change_sets', who], staleTime: 0, initialPageParam: '', getNextPageParam: (last: Window) => (last.next ? String(last.next) : undefined),
    queryFn: ({ pageParam, signal }) => get<Window>('/change_sets', { limit: 50, before: pageParam, ...(['all', 'people'].includes(who) ? { [who]: 'true' } : who && { user: who }) }, signal),
  });
  async function back(c: ChangeSet) {
    setSure(null);
    setBusy(c.id);
    try {
      const r = await undoSet(c.id);
      say('audit', r.left ? t('import.undone.left', { n: number(r.left), why: r.why }) : t('audit.done'));
      await client.invalidateQueries();
    } catch (x) { sayError(x); } finally { setBusy(0); }
  }
  const nameOf = (c: ChangeSet) => (c.user === null ? t('history.nobody') : c.user_name || t('audit.user', { id: c.user }));
  const ask = (c: ChangeSet) => (c.user === me && c.changes === 1 ? void back(c) : setSure(c));
  const items = list.data?.pages.flatMap((p) => p.items) ?? [];
  const people = [{ value: 'people', label: t('audit.everybody') }, { value: 'all', label: t('audit.all') }, { value: '', label: t('audit.mine') }, ...(users.data ?? []).filter((u) => u.id !== me).map((u) => ({ value: String(u.id), label: u.name }))];
  return (
    <Page title={t('set.audit')} help={t('audit.help')}>
      {admin && <NativeSelect maw={320} mb="sm" label={t('audit.whose')} data={people} value={who} onChange={(ev) => setWho(ev.currentTarget.value)} />}
      {list.error ? <ErrorState error={list.error} retry={() => void list.refetch()} /> : list.isPending ? <Loading height={200} /> : items.length === 0 ? <Empty title={t('history.empty')} /> : (
        <ol className="plainlist audit" aria-label={t('set.audit')}>{items.map((c) => (
          <li key={c.id} className="entry" style={{ alignItems: 'flex-start' }}>
            <Letter text={c.user === null ? '·' : nameOf(c)} />
            <div className="grow">
              <b>{nameOf(c)}</b> <span className="when" style={{ whiteSpace: 'normal' }}><time dateTime={c.at} title={instant(c.at)}>{ago(c.at)}</time> · {through(c.via)} · {t('audit.n', { n: c.id })}</span>
              <What of={c} />
            </div>
            {c.undone_by ? <Chip label={t('import.taken')} colour="gray" /> : c.can_undo && <Button size="compact-sm" variant="default" loading={busy === c.id} aria-label={t('audit.undo.of', { n: c.id })} onClick={() => ask(c)}>{t('undo')}</Button>}
          </li>
        ))}</ol>
      )}
      {list.hasNextPage && <Button mt="sm" variant="default" size="xs" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('more')}</Button>}
      <Modal opened={sure !== null} onClose={() => setSure(null)} title={t('audit.sure')} closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }}>
        {sure && <>
          <p style={{ marginTop: 0 }}>{t('audit.sure.what', { who: nameOf(sure), when: instant(sure.at) })}</p>
          <What of={sure} />
          <Group mt="md" justify="flex-end"><Button variant="default" onClick={() => setSure(null)}>{t('cancel')}</Button><Button color="red" onClick={() => void back(sure)}>{t('audit.takeback')}</Button></Group>
        </>}
      </Modal>
    </Page>
  );
}
