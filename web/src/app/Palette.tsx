import { Modal, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState, type KeyboardEvent } from 'react';
import { useLocation } from 'wouter';
import { get } from '../api/client';
import { t } from '../locale/t';
import { address, can, useMeta } from '../meta/meta';
import { useDashboards } from '../dashboard/dashboards';
import { Letter } from '../ui/bits';

interface Hit { key: string; name: string; note: string; of: string; href: string }

function Body({ onClose }: { onClose: () => void }) {
  const meta = useMeta();
  const [, go] = useLocation();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const [q] = useDebouncedValue(text.trim(), 150);
  const found = useQuery({
    queryKey: ['search', q], enabled: q.length > 0, staleTime: 10_000, placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<{ items: { entity: string; id: number; name: string }[] }>('/search', { q, limit: 20 }, signal),
  });
  const low = text.trim().toLowerCase();
  const groups = meta.nav();
  const places = [...groups.all, ...(low ? groups.system : [])].filter((e) => !low || e.label_plural.toLowerCase().includes(low) || e.label.toLowerCase().includes(low));
  const records: Hit[] = low ? (found.data?.items ?? []).flatMap((i) => {
    const e = meta.entity(i.entity);
    return e ? [{ key: `r${i.entity}${i.id}`, name: i.name || `${e.label} ${i.id}`, note: e.label, of: e.name, href: address(e, i.id) }] : [];
  }) : [];
  // "call anna": what happened is written down at once, where it belongs
  const verb = /^(\S+)\s+(\S.*)$/.exec(low);
  const log = verb && groups.activities.find((a) => can(a, 'create') && a.label.toLowerCase().startsWith(verb[1]!) && verb[1]!.length > 2);
  const about = useQuery({
    queryKey: ['search', verb?.[2] ?? ''], enabled: !!log, staleTime: 10_000, placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<{ items: { entity: string; id: number; name: string }[] }>('/search', { q: verb![2]!, limit: 8 }, signal),
  });
  const logs: Hit[] = log ? (about.data?.items ?? []).flatMap((i) => {
    const e = meta.entity(i.entity);
    const fits = e && !e.activity && log.fields.some((f) => f.target === e.name && !f.standard);
    return fits ? [{ key: `g${i.entity}${i.id}`, name: `${log.label}: ${i.name}`, note: t('palette.log'), of: log.name, href: `${address(e, i.id)}?log=${log.name}` }] : [];
  }) : [];
  const boards: Hit[] = (useDashboards().data ?? []).filter((d) => low && d.name.toLowerCase().includes(low)).map((d) => ({ key: `d${d.id}`, name: d.name, note: t('dash.one'), of: 'dashboard', href: `/dashboards/${d.id}` }));
  const hits: Hit[] = [...logs, ...records, ...boards,
    ...places.map((e) => ({ key: 'l' + e.name, name: e.label_plural, note: t('palette.open'), of: e.name, href: address(e) })),
    ...places.filter((e) => can(e, 'create') && !e.append_only).map((e) => ({ key: 'n' + e.name, name: t('new.title', { label: e.label }), note: t('palette.action'), of: e.name, href: address(e) + '?new=1' }))];
  useEffect(() => setAt(0), [q]);
  useEffect(() => { document.getElementById('hit-' + at)?.scrollIntoView({ block: 'nearest' }); }, [at]);
  const take = (h: Hit | undefined) => { if (h) { onClose(); go(h.href); } };
  function key(ev: KeyboardEvent) {
    const step = ev.key === 'ArrowDown' ? 1 : ev.key === 'ArrowUp' ? -1 : 0;
    if (step && hits.length) { ev.preventDefault(); setAt((at + step + hits.length) % hits.length); }
    if (ev.key === 'Enter') { ev.preventDefault(); take(hits[at]); }
  }
  return (
    <>
      <TextInput size="md" data-autofocus autoFocus placeholder={t('palette.placeholder')} aria-label={t('palette.title')} role="combobox" aria-expanded aria-controls="hits" aria-activedescendant={hits.length ? 'hit-' + at : undefined} value={text} onChange={(e) => setText(e.currentTarget.value)} onKeyDown={key} />
      <div id="hits" role="listbox" aria-label={t('palette.results')} tabIndex={0} style={{ maxHeight: '52dvh', overflow: 'auto', marginTop: 8 }}>
        {hits.map((h, i) => (
          <div key={h.key} id={'hit-' + i} role="option" aria-selected={i === at} className="hit" onMouseMove={() => setAt(i)} onClick={() => take(h)}>
            <Letter text={h.note === t('palette.action') ? '+' : h.name} of={h.of} /><span className="grow" style={{ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>{h.name}</span><small style={{ flex: 'none' }}>{h.note}</small>
          </div>
        ))}
      </div>
      {hits.length === 0 && <div className="centre" role="status" style={{ padding: 24 }}>{found.isFetching ? t('loading') : t('palette.none')}</div>}
    </>
  );
}

export default function Palette({ onClose }: { onClose: () => void }) {
  return <Modal opened onClose={onClose} withCloseButton={false} size="lg" yOffset="10dvh" padding="sm" attributes={{ content: { 'aria-label': t('palette.title') } }} transitionProps={{ duration: 0 }}><Body onClose={onClose} /></Modal>;
}
