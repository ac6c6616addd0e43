import { NativeSelect, Stack, useMantineColorScheme } from '@mantine/core';
import { useState } from 'react';
import { call, getSession } from '../api/client';
import { languages, t } from '../locale/t';
import { Page } from './Page';
import { density, rememberLanguage, setDensity } from '../ui/look';
import { Segments } from '../ui/Segments';
import { sayError } from '../ui/undo';
import { zones } from '../ui/zones';

// what the server names and reckons by: all of it is read anew
const keep = (mine: { language?: string; zone?: string }) => call('PATCH', '/me', mine).then(() => { if (mine.language) rememberLanguage(mine.language); location.reload(); }, sayError);

export default function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const user = getSession().user!;
  const [close, setClose] = useState(density());
  return (
    <Page title={t('set.appearance')}>
      <Stack gap="lg" maw={460} mt="md">
        <div><div className="fieldname">{t('look.theme')}</div><Segments label={t('look.theme')} value={colorScheme} onChange={(v) => setColorScheme(v as 'auto')} data={[{ value: 'auto', label: t('look.auto') }, { value: 'light', label: t('look.light') }, { value: 'dark', label: t('look.dark') }]} /></div>
        <div><div className="fieldname">{t('look.density')}</div><Segments label={t('look.density')} value={close} onChange={(v) => { setDensity(v); setClose(v as typeof close); }} data={[{ value: 'comfortable', label: t('look.comfortable') }, { value: 'compact', label: t('look.compact') }]} /></div>
        <NativeSelect label={t('look.language')} value={user.language.slice(0, 2)} data={Object.entries(languages).map(([value, label]) => ({ value, label }))} onChange={(ev) => void keep({ language: ev.currentTarget.value })} />
        <NativeSelect label={t('look.zone')} description={t('look.zone.help')} value={user.zone} data={zones(user.zone)} onChange={(ev) => void keep({ zone: ev.currentTarget.value })} />
      </Stack>
    </Page>
  );
}
