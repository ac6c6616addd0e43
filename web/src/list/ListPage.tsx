import { ActionIcon, Button, Checkbox, Menu, Popover, ScrollArea, Skeleton, Stack, TextInput } from '@mantine/core';
import { useDisclosure, useLocalStorage } from '@mantine/hooks';
import { keepPreviousData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { lazy, Suspense, useEffect, useMemo, useRef, useState, type FormEvent } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { get, Problem } from '../api/client';
import { onChanges, type Page } from '../api/live';
import { useCount } from '../app/HomePage';
import { usePhone } from '../app/Shell';
import { Display } from '../fields/Display';
import { isEmpty, isNumeric, number } from '../fields/format';
import { t } from '../locale/t';
import { address, can, defaultColumns, sortable, titleOf, valueKind, type Entity, type Field } from '../meta/meta';
import { Empty, ErrorState, Letter, useTitle } from '../ui/bits';

const CreateDialog = lazy(() => import('../form/CreateDialog').then((m) => ({ default: m.CreateDialog })));

const WIDTH: Record<string, number> = { integer: 100, decimal: 110, percent: 100, money: 140, date: 130, instant: 190, yes_no: 90, choice: 190, choices: 200, tags: 180, reference: 190, many: 200, duration: 110 };
const widthOf = (f: Field) => Math.max(WIDTH[valueKind(f)] ?? (f.name.includes('email') ? 250 : 180), f.label.length * 8 + 40);

export function useParamsOfPage() {
  const search = useSearch();
  const [where, go] = useLocation();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const set = (changes: Record<string, string | null>, replace = false) => {
    const next = new URLSearchParams(search);
    for (const [k, v] of Object.entries(changes)) if (v) next.set(k, v); else next.delete(k);
    const tail = next.toString();
    go(where + (tail ? '?' + tail : ''), { replace });
  };
  return { params, set };
}

export function ListPage({ entity: e }: { entity: Entity }) {
  const { params, set } = useParamsOfPage();
  const [, go] = useLocation();
  const client = useQueryClient();
  const phone = usePhone();
  const q = params.get('q') ?? '', where = params.get('where') ?? '', sort = params.get('sort') ?? '';
  const [chosen, setChosen] = useLocalStorage<string[] | null>({ key: `kith-columns-${e.name}`, defaultValue: null, getInitialValueInEffect: false });
  const [picker, pick] = useDisclosure(false);
  const [typed, setTyped] = useState(where);
  const [quick, setQuick] = useState(q);
  const [news, setNews] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  useTitle(e.label_plural);

  const columns = useMemo(() => {
    const known = new Map(e.fields.map((f) => [f.name, f]));
    const list = (chosen ?? defaultColumns(e)).map((n) => known.get(n)).filter((f): f is Field => !!f);
    const title = e.title ? known.get(e.title) : known.get('id');
    return title ? [title, ...list.filter((f) => f !== title)] : list;
  }, [e, chosen]);
  const fields = useMemo(() => [...new Set(['id', 'version', ...columns.map((f) => f.name)])].join(','), [columns]);
  const list = useInfiniteQuery({
    queryKey: ['list', e.name, { fields, q, where, sort }],
    initialPageParam: '', placeholderData: keepPreviousData,
    getNextPageParam: (last: Page) => last.next,
    queryFn: ({ pageParam, signal }) => get<Page>(`/${e.plural}`, { limit: 100, fields, q, where, sort, after: pageParam }, signal),
    // the change stream keeps the rows true; reading all windows again would cost and jump
    staleTime: 60_000,
  });
  const refused = list.error instanceof Problem ? list.error.at('where') ?? (where && list.error.code === 'too_costly' ? list.error.message : undefined) : undefined;
  const total = useCount(e, where || undefined, !q && !list.error);
  const rows = useMemo(() => list.data?.pages.flatMap((p) => p.items) ?? [], [list.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const size = phone ? 64 : 42;
  const virtual = useVirtualizer({ count: rows.length + (hasNextPage ? 1 : 0), getScrollElement: () => scroller.current, estimateSize: () => size, overscan: 12, paddingStart: 0 });
  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => { virtual.measure(); }, [size, virtual]);
  useEffect(() => { if (hasNextPage && !isFetchingNextPage && last >= rows.length - 25) void fetchNextPage(); }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  useEffect(() => { scroller.current?.scrollTo({ top: 0 }); }, [q, where, sort]);
  useEffect(() => setTyped(where), [where]);
  useEffect(() => onChanges((changes) => {
    const n = changes.filter((c) => c.entity === e.name && (c.kind === 'create' || c.kind === 'restore')).length;
    if (!n) return;
    // at the top, with one window, what is new may simply come in
    if ((scroller.current?.scrollTop ?? 0) < 5) void client.invalidateQueries({ queryKey: ['list', e.name] });
    else setNews((old) => old + n);
  }), [e.name, client]);
  useEffect(() => {
    if (quick.trim() === q) return;
    // gone with the page: a late one would lead back to it
    const timer = setTimeout(() => set({ q: quick.trim() || null }, true), 250);
    return () => clearTimeout(timer);
  }); // set knows the address of this drawing only
  const apply = (ev: FormEvent) => { ev.preventDefault(); set({ where: typed.trim() || null }); };
  const fetchAnew = () => { setNews(0); scroller.current?.scrollTo({ top: 0 }); void client.resetQueries({ queryKey: ['list', e.name] }); };
  const by = (f: Field) => set({ sort: sort === f.name ? '-' + f.name : sort === '-' + f.name ? null : f.name });
  const template = `minmax(230px, 1.4fr) ${columns.slice(1).map((f) => `minmax(${widthOf(f)}px, 1fr)`).join(' ')}`;
  const least = 230 + columns.slice(1).reduce((sum, f) => sum + widthOf(f), 0);
  const known = q ? undefined : total.data;
  const filtered = !!(q || where);

  return (
    <div className="page">
      <div className="bar">
        <Letter text={e.label} of={e.name} />
        <h1>{e.label_plural}</h1>
        <span className="num" style={{ color: 'var(--mantine-color-dimmed)' }} role="status" data-testid="total">{known !== undefined ? number(known) : rows.length ? number(rows.length) + (hasNextPage ? '+' : '') : ''}</span>
        <span className="grow" />
        {news > 0 && <Button size="xs" variant="default" onClick={fetchAnew}>{t('list.news', { n: news })}</Button>}
        <Popover opened={picker} onChange={(o) => (o ? pick.open() : pick.close())} position="bottom-end" withinPortal trapFocus>
          <Popover.Target><Button size="xs" variant="default" onClick={pick.toggle}>{t('list.columns')}</Button></Popover.Target>
          <Popover.Dropdown aria-label={t('list.columns')} p="xs">
            <ScrollArea.Autosize mah={360} type="auto" viewportProps={{ tabIndex: 0, role: 'group', 'aria-label': t('list.columns') }}>
              <Stack gap={7} pe="md" w={230}>
                <Button size="compact-xs" variant="default" onClick={() => setChosen(null)}>{t('list.columns.reset')}</Button>
                {e.fields.filter((f) => f.kind !== 'json').map((f) => (
                  <Checkbox key={f.name} size="xs" label={f.label} disabled={f.name === columns[0]?.name} checked={columns.includes(f)} onChange={(ev) => setChosen(ev.currentTarget.checked ? [...columns.map((c) => c.name), f.name] : columns.filter((c) => c !== f).map((c) => c.name))} />
                ))}
              </Stack>
            </ScrollArea.Autosize>
          </Popover.Dropdown>
        </Popover>
        <Menu position="bottom-end" withinPortal>
          <Menu.Target><ActionIcon size={30} variant="default" aria-label={t('list.more')}>⋯</ActionIcon></Menu.Target>
          <Menu.Dropdown>
            {can(e, 'import') && <Menu.Item component={Link} href={address(e) + '/import'}>{t('import.open')}</Menu.Item>}
            {can(e, 'export') && <Menu.Item component="a" href={`/api/v1/${e.plural}/export?` + new URLSearchParams({ format: 'csv', ...(where && { where }), ...(q && { q }), ...(sort && { sort }) }).toString()} download={`${e.plural}.csv`}>{t('list.export')}</Menu.Item>}
            <Menu.Item onClick={fetchAnew}>{t('list.reload')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
        {can(e, 'create') && <Button size="xs" onClick={() => set({ new: '1' })}>{t('list.new')}</Button>}
      </div>
      <div className="filterbar">
        <TextInput className="q" aria-label={t('list.quick', { label: e.label_plural })} placeholder={t('list.quick.short')} value={quick} onChange={(ev) => setQuick(ev.currentTarget.value)} />
        <form className="where" onSubmit={apply} style={{ display: 'flex', gap: 8, alignItems: 'flex-start' }}>
          <TextInput style={{ flex: 1 }} aria-label={t('list.filter')} placeholder={t('list.filter.example')} spellCheck={false} autoComplete="off" value={typed} error={refused} onChange={(ev) => setTyped(ev.currentTarget.value)} />
          {(typed.trim() !== where) && <Button type="submit" variant="default">{t('list.filter.apply')}</Button>}
          {where && typed.trim() === where && <Button variant="default" onClick={() => set({ where: null })}>{t('list.filter.clear')}</Button>}
        </form>
      </div>
      {list.error && !refused ? <ErrorState error={list.error} retry={() => (sort ? set({ sort: null }) : void list.refetch())} /> : list.isPending && !list.error ? (
        <Stack p="md" gap={10} aria-busy aria-label={t('loading')}>{Array.from({ length: 12 }, (_, i) => <Skeleton key={i} height={26} />)}</Stack>
      ) : rows.length === 0 && !refused ? (
        filtered ? <Empty title={t('list.nomatch')}><Button variant="default" onClick={() => { setQuick(''); set({ q: null, where: null }); }}>{t('list.filter.clear')}</Button></Empty>
          : <Empty title={t('list.empty', { label: e.label_plural })}>{can(e, 'create') && <Button onClick={() => set({ new: '1' })}>{t('new.title', { label: e.label })}</Button>}{can(e, 'import') && <Link className="reflink" href={address(e) + '/import'}>{t('import.open')}</Link>}</Empty>
      ) : phone ? (
        <div className="table cards" ref={scroller} tabIndex={0} role="region" aria-label={e.label_plural}>
          <div className="tbody" style={{ height: virtual.getTotalSize(), minWidth: 0 }}>
            {items.map((v) => {
              const r = rows[v.index];
              return r ? (
                <Link key={r.id} className="card" href={address(e, r.id)} style={{ transform: `translateY(${v.start}px)` }}>
                  <b>{titleOf(e, r)}</b><div>{columns.slice(1).filter((f) => !isEmpty(r[f.name]) && f.kind !== 'instant').slice(0, 3).map((f) => <span key={f.name}><CardValue f={f} v={r[f.name]} /></span>)}</div>
                </Link>
              ) : <div key="more" className="card" style={{ transform: `translateY(${v.start}px)` }}><Skeleton height={20} /></div>;
            })}
          </div>
        </div>
      ) : (
        <div className="table" ref={scroller} tabIndex={0} role="table" aria-label={e.label_plural} aria-rowcount={known ?? -1}>
          <div role="rowgroup" className="thead" style={{ minWidth: least }}>
            <div role="row" className="tr" style={{ gridTemplateColumns: template, height: 36, background: 'var(--soft)' }}>
              {columns.map((f) => (
                <div key={f.name} role="columnheader" className={isNumeric(f) ? 'th end' : 'th'} aria-sort={sort === f.name ? 'ascending' : sort === '-' + f.name ? 'descending' : 'none'}>
                  {sortable(f) ? <button type="button" onClick={() => by(f)}>{f.label}<span aria-hidden>{sort === f.name ? '↑' : sort === '-' + f.name ? '↓' : ''}</span></button> : <span style={{ fontSize: 12.5, fontWeight: 600, color: 'var(--mantine-color-dimmed)' }}>{f.label}</span>}
                </div>
              ))}
            </div>
          </div>
          <div role="rowgroup" className="tbody" style={{ height: virtual.getTotalSize(), minWidth: least }}>
            {items.map((v) => {
              const r = rows[v.index];
              return (
                <div key={r ? r.id : 'more'} role="row" aria-rowindex={v.index + 2} className="tr" style={{ transform: `translateY(${v.start}px)`, gridTemplateColumns: template, cursor: r ? 'pointer' : undefined }} onClick={(ev) => { if (r && !(ev.target as HTMLElement).closest('a') && !getSelection()?.toString()) go(address(e, r.id)); }}>
                  {columns.map((f, i) => (
                    <div key={f.name} role="cell" className={isNumeric(f) ? 'td end' : 'td'}>
                      {r ? (i === 0 ? <Link className="rowlink" href={address(e, r.id)}>{titleOf(e, r)}</Link> : <Display field={f} value={r[f.name]} short />) : <Skeleton height={14} width="70%" />}
                    </div>
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      )}
      {params.has('new') && <Suspense fallback={null}><CreateDialog entity={e} opened onClose={() => set({ new: null }, true)} onDone={(r) => go(address(e, r.id))} /></Suspense>}
    </div>
  );
}

/** In a card everything is one link: no links inside it. */
function CardValue({ f, v }: { f: Field; v: any }) {
  return valueKind(f) === 'reference' || valueKind(f) === 'many' ? <>{Array.isArray(v) ? v.map((x) => x.name).join(', ') : v.name ?? `#${v.id}`}</> : <Display field={f} value={v} short />;
}
