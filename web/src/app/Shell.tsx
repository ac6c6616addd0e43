import { Kbd, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDisclosure, useHotkeys, useMediaQuery } from '@mantine/hooks';
import { useEffect, useRef, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { getSession, signOut } from '../api/client';
import { t } from '../locale/t';
import { address, useMeta } from '../meta/meta';
import { Letter } from '../ui/bits';
import { dropDrafts } from '../ui/drafts';
import { Menu } from '../ui/Drop';
import { useUndoKey } from '../ui/undo';
import { later } from '../ui/later';
import { Link } from '../ui/Link';
import { Nav } from './Nav';

const Help = later(() => import('./Help'));
const Palette = later(() => import('./Palette'), 'soon');

export const usePhone = () => useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });

export function Shell({ children }: { children: ReactNode }) {
  const meta = useMeta();
  const [where] = useLocation();
  const [open, nav] = useDisclosure(false);
  const [palette, search] = useDisclosure(false);
  const [folded, fold] = useDisclosure(false);
  const [help, keys] = useDisclosure(false);
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
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const f = (ev: KeyboardEvent) => { if (ev.key === 'Escape') { close(); opener.current?.focus(); } };
    document.addEventListener('keydown', f);
    return () => document.removeEventListener('keydown', f);
  }, [open, close]);
  const groups = meta.nav();
  return (
    <div className={folded ? 'shell folded' : 'shell'}>
      <a className="skip" href="#main" onClick={(ev) => { ev.preventDefault(); main.current?.focus(); }}>{t('shell.skip')}</a>
      {/* the second class is that of the lock on scrolling: what stands fast does not jump while a dialog is open */}
      <header className="top right-scroll-bar-position">
        {phone && <button ref={opener} type="button" className="more big" onClick={nav.toggle} aria-label={t('shell.menu')} aria-expanded={open}><span aria-hidden>{open ? '✕' : '☰'}</span></button>}
        <Link href="/" className="brand" aria-label={t('shell.home')}><img src="/icon.svg" width="26" height="26" alt="" />{phone ? null : 'Kith'}</Link>
        <div className="grow" style={{ display: 'flex', justifyContent: 'center' }}>
          <button type="button" className="searchbutton" onClick={search.open}><span>{t('search.button')}</span>{phone ? null : <Kbd size="xs">Ctrl K</Kbd>}</button>
        </div>
        <Menu target={<button type="button" className="more round" aria-label={t('shell.account')}><Letter text={meta.raw.user.name} /></button>} lines={[
          { head: getSession().user?.email ?? '' }, { label: scheme === 'dark' ? t('shell.light') : t('shell.dark'), run: () => setColorScheme(scheme === 'dark' ? 'light' : 'dark') },
          { label: t('set.title'), href: '/settings' }, { label: t('shell.keys'), run: keys.open }, 'rule', { label: t('shell.signout'), run: () => { dropDrafts(); void signOut(); } },
        ]} />
      </header>
      {(phone ? open : !folded) && <Nav onGo={close} />}
      <main id="main" tabIndex={-1} ref={main}>{children}</main>
      {phone && (
        <nav className="bottombar" aria-label={t('shell.quick')}>
          <Link href="/"><b aria-hidden>⌂</b>{t('home.title')}</Link>
          <button type="button" onClick={search.open}><b aria-hidden>⌕</b>{t('search.short')}</button>
          {groups.main.slice(0, 1).map((e) => <Link key={e.name} href={address(e)}><b aria-hidden>☰</b>{e.label_plural}</Link>)}
          {groups.activities.slice(0, 1).map((e) => <Link key={e.name} href={address(e)}><b aria-hidden>✓</b>{e.label_plural}</Link>)}
        </nav>
      )}
      {help && <Help onClose={keys.close} />}
      {palette && <Palette onClose={search.close} />}
    </div>
  );
}
