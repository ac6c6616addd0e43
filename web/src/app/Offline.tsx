// Two thin lines over everything: the server cannot be reached; the application has changed meanwhile.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { get, isReached, onReach, plain } from '../api/client';
import { t } from '../locale/t';

export function Offline() {
  const client = useQueryClient();
  const reached = useSyncExternalStore(onReach, isReached);
  const [gone, setGone] = useState(!navigator.onLine);
  useEffect(() => {
    const off = () => setGone(true), on = () => setGone(false);
    window.addEventListener('offline', off);
    window.addEventListener('online', on);
    return () => { window.removeEventListener('offline', off); window.removeEventListener('online', on); };
  }, []);
  const away = gone || !reached;
  useEffect(() => {
    if (!away) return;
    // asked for until it answers; then everything on the screen is read anew, and what was typed is still there
    const timer = setInterval(() => void get('/me').then(() => { setGone(false); void client.invalidateQueries(); }).catch(() => {}), 3000);
    return () => clearInterval(timer);
  }, [away, client]);
  return away ? <div role="status" className="thinbar">{t('offline.bar')}</div> : null;
}

const builtFrom = (html: string) => /assets\/index-[\w-]+\.js/.exec(html)?.[0] ?? '';
/** Whether the server has another version of the application than the one that runs here. Asked for when somebody comes back to it. */
export function useNewer(): boolean {
  const [newer, setNewer] = useState(false);
  useEffect(() => {
    const mine = builtFrom([...document.scripts].map((s) => s.src).join(' '));
    let last = Date.now();
    const look = () => {
      if (document.visibilityState !== 'visible' || Date.now() - last < 60_000) return;
      last = Date.now();
      plain('/').then((html) => { const now = builtFrom(html); if (mine && now && now !== mine) setNewer(true); }).catch(() => {});
    };
    document.addEventListener('visibilitychange', look);
    const timer = setInterval(look, 10 * 60_000);
    return () => { document.removeEventListener('visibilitychange', look); clearInterval(timer); };
  }, []);
  return newer;
}
