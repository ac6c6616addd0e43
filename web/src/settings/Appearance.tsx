import { NativeSelect, Stack, useMantineColorScheme } from '@mantine/core';
import { useState } from 'react';
import { getSession } from '../api/client';
import { languages, t } from '../locale/t';
import { Page } from './Page';
import { chosenLanguage, chooseLanguage, density, setDensity } from '../ui/look';
import { Segments } from '../ui/Segments';

export default function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [close, setClose] = useState(density());
  return (
    <Page title={t('set.appearance')}>
      <Stack gap="lg" maw={460} mt="md">
        <div><div className="fieldname">{t('look.theme')}</div><Segments label={t('look.theme')} value={colorScheme} onChange={(v) => setColorScheme(v as 'auto')} data={[{ value: 'auto', label: t('look.auto') }, { value: 'light', label: t('look.light') }, { value: 'dark', label: t('look.dark') }]} /></div>
        <div><div className="fieldname">{t('look.density')}</div><Segments label={t('look.density')} value={close} onChange={(v) => { setDensity(v); setClose(v as typeof close); }} data={[{ value: 'comfortable', label: t('look.comfortable') }, { value: 'compact', label: t('look.compact') }]} /></div>
        <NativeSelect label={t('look.language')} value={chosenLanguage()} data={[{ value: '', label: t('look.usual', { name: languages[getSession().user?.language.slice(0, 2) ?? 'en'] ?? languages.en! }) }, ...Object.entries(languages).map(([value, label]) => ({ value, label }))]} onChange={(ev) => { chooseLanguage(ev.currentTarget.value); location.reload(); }} />
      </Stack>
    </Page>
  );
}
