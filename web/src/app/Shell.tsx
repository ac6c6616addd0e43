import { ActionIcon, AppShell, Burger, Kbd, Menu, NavLink, ScrollArea, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDisclosure, useHotkeys, useMediaQuery } from '@mantine/hooks';
import { Fragment, lazy, Suspense, useEffect, useRef, type ReactNode } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { getSession, signOut } from '../api/client';
import { t } from '../locale/t';
import { address, useMeta, type Entity } from '../meta/meta';
import { Letter } from '../ui/bits';
import { useUndoKey } from '../ui/undo';
import { useDashboards } from '../dashboard/dashboards';
import { useAllViews } from '../views/views';
import { Palette } from './Palette';

const Help = lazy(() => import('./Help'));

// the pages that keep the data clean, where there is something to show on them
const CLEAN = [{ href: '/duplicates', label: 'dup.title', needs: 'duplicate', sign: '=' }, { href: '/quality', label: 'quality.title', needs: 'quality_rule', sign: '✓' }] as const;

export const usePhone = () => useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });

export function Shell({ children }: { children: ReactNode }) {
  const meta = useMeta();
  const [where] = useLocation();
  const [open, nav] = useDisclosure(false);
  const [palette, search] = useDisclosure(false);
  const [folded, fold] = useDisclosure(false);
  const [help, keys] = useDisclosure(false);
  const asked = new URLSearchParams(useSearch()).get('view');
  const pinned = (useAllViews().data ?? []).filter((v) => v.pinned && meta.entity(v.entity));
  const boards = (useDashboards().data ?? []).filter((d) => d.pinned);
  useUndoKey();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const phone = usePhone();
  const main = useRef<HTMLElement>(null);
  useHotkeys([['mod+K', () => search.open()]], []);
  // in a list its own search, elsewhere the search over everything
  const find = () => { const field = document.querySelector<HTMLElement>('[data-quick]'); if (field) field.focus(); else search.open(); };
  useHotkeys([['[', () => fold.toggle()], ['/', find]]);
  useEffect(() => {
    // by the sign and not by the key: where it stands hangs on the keyboard
    const f = (ev: KeyboardEvent) => { if (ev.key === '?' && !ev.ctrlKey && !ev.metaKey && !(ev.target as HTMLElement).closest?.('input, textarea, select')) { ev.preventDefault(); keys.open(); } };
    document.addEventListener('keydown', f);
    return () => document.removeEventListener('keydown', f);
  }, [keys]);
  const { close } = nav, { close: closeKeys } = keys;
  useEffect(() => { close(); closeKeys(); }, [where, close, closeKeys]);
  const groups = meta.nav();
  const link = (e: Entity) => {
    const href = address(e);
    const here = where === href || where.startsWith(href + '/');
    return <NavLink key={e.name} component={Link} href={href} label={e.label_plural} active={here} aria-current={here ? 'page' : undefined} leftSection={<Letter text={e.label} of={e.name} />} style={{ borderRadius: 8 }} py={5} color="gray" styles={{ label: { color: 'var(--mantine-color-text)' } }} />;
  };
  return (
    <AppShell header={{ height: 54 }} footer={{ height: 58, collapsed: !phone }} navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !open, desktop: folded } }}>
      <a className="skip" href="#main" onClick={(ev) => { ev.preventDefault(); main.current?.focus(); }}>{t('shell.skip')}</a>
      <AppShell.Header px="md" style={{ display: 'flex', alignItems: 'center', gap: 14 }}>
        <Burger opened={open} onClick={nav.toggle} hiddenFrom="sm" size="sm" aria-label={t('shell.menu')} aria-expanded={open} />
        <Link href="/" className="brand" aria-label={t('shell.home')}><img src="/icon.svg" width="26" height="26" alt="" />{phone ? null : 'Kith'}</Link>
        <div className="grow" style={{ display: 'flex', justifyContent: 'center' }}>
          <button type="button" className="searchbutton" onClick={search.open}><span>{t('search.button')}</span>{phone ? null : <Kbd size="xs">Ctrl K</Kbd>}</button>
        </div>
        <Menu withInitialFocusPlaceholder={false} position="bottom-end" withinPortal>
          <Menu.Target><ActionIcon variant="subtle" color="gray" size={36} radius="xl" aria-label={t('shell.account')}><Letter text={meta.raw.user.name} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{getSession().user?.email}</Menu.Label>
            <Menu.Item onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}>{scheme === 'dark' ? t('shell.light') : t('shell.dark')}</Menu.Item>
            <Menu.Item component={Link} href="/settings">{t('set.title')}</Menu.Item>
            <Menu.Item onClick={keys.open}>{t('shell.keys')}</Menu.Item>
            <Menu.Divider />
            <Menu.Item onClick={() => void signOut()}>{t('shell.signout')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t('shell.nav')}>
        <ScrollArea style={{ flex: 1 }} type="hover" scrollbarSize={6} viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': t('shell.nav') }}>
          <NavLink component={Link} href="/" label={t('home.title')} active={where === '/'} leftSection={<Letter text="⌂" of="home" />} style={{ borderRadius: 8 }} py={5} color="gray" styles={{ label: { color: 'var(--mantine-color-text)' } }} />
          {meta.entity('dashboard') && [{ href: '/dashboards', name: t('dash.title') }, ...boards.map((d) => ({ href: `/dashboards/${d.id}`, name: d.name }))].map((d, i) => { const here = where === d.href; return <NavLink key={d.href} component={Link} href={d.href} label={d.name} active={here} aria-current={here ? 'page' : undefined} leftSection={<Letter text={i ? d.name : '▦'} of="dashboard" />} style={{ borderRadius: 8, ...(i && { marginInlineStart: 16, width: 'auto' }) }} py={5} color="gray" styles={{ label: { color: 'var(--mantine-color-text)' } }} />; })}
          {groups.main.map(link)}
          {pinned.length > 0 && <div className="navtitle">{t('shell.views')}</div>}
          {pinned.map((v) => { const e = meta.entity(v.entity)!; const here = where === address(e) && asked === String(v.id); return <NavLink key={'v' + v.id} component={Link} href={`${address(e)}?view=${v.id}`} label={v.name} active={here} aria-current={here ? 'page' : undefined} leftSection={<Letter text={v.name} of={e.name} />} style={{ borderRadius: 8 }} py={5} color="gray" styles={{ label: { color: 'var(--mantine-color-text)' } }} />; })}
          {CLEAN.filter((c) => meta.entity(c.needs)).map((c) => <NavLink key={c.href} component={Link} href={c.href} label={t(c.label)} active={where === c.href} aria-current={where === c.href ? 'page' : undefined} leftSection={<Letter text={c.sign} of={c.href} />} style={{ borderRadius: 8 }} py={5} color="gray" styles={{ label: { color: 'var(--mantine-color-text)' } }} />)}
          {groups.activities.length > 0 && <div className="navtitle">{t('shell.activities')}</div>}
          {groups.activities.map(link)}
          {groups.areas.map((a) => <Fragment key={a.name}><div className="navtitle">{a.name}</div>{a.list.map(link)}</Fragment>)}
          {groups.own.length > 0 && <div className="navtitle">{t('shell.own')}</div>}
          {groups.own.map(link)}
          <div className="navtitle">{t('shell.settings')}</div>
          <NavLink component={Link} href="/settings" label={t('set.title')} active={where.startsWith('/settings') && where !== '/settings/objects'} leftSection={<Letter text="≡" of="set" />} style={{ borderRadius: 8 }} py={5} color="gray" styles={{ label: { color: 'var(--mantine-color-text)' } }} />
          <NavLink component={Link} href="/settings/objects" label={t('objects.title')} active={where === '/settings/objects'} leftSection={<Letter text="+" of="objects" />} style={{ borderRadius: 8 }} py={5} color="gray" styles={{ label: { color: 'var(--mantine-color-text)' } }} />
          {groups.system.length > 0 && <NavLink label={t('shell.admin')} leftSection={<Letter text="⚙" of="settings" />} childrenOffset={8} style={{ borderRadius: 8 }} py={5} defaultOpened={groups.system.some((e) => where.startsWith(address(e)))}>{groups.system.map(link)}</NavLink>}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} ref={main}>{children}</AppShell.Main>
      {phone && (
        <AppShell.Footer>
          <nav className="bottombar" aria-label={t('shell.quick')}>
            <Link href="/"><b aria-hidden>⌂</b>{t('home.title')}</Link>
            <button type="button" onClick={search.open}><b aria-hidden>⌕</b>{t('search.short')}</button>
            {groups.main.slice(0, 1).map((e) => <Link key={e.name} href={address(e)}><b aria-hidden>☰</b>{e.label_plural}</Link>)}
            {groups.activities.slice(0, 1).map((e) => <Link key={e.name} href={address(e)}><b aria-hidden>✓</b>{e.label_plural}</Link>)}
          </nav>
        </AppShell.Footer>
      )}
      {help && <Suspense fallback={null}><Help onClose={keys.close} /></Suspense>}
      <Palette opened={palette} onClose={search.close} />
    </AppShell>
  );
}
