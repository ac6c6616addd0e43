// The panels of modules, each loaded when it is first shown.
import { lazy } from 'react';
import { offer } from '../record/panel';

offer('campaign', { tab: 'camp.tab', handles: ['start', 'pause', 'resume', 'cancel'], Body: lazy(() => import('./campaign/CampaignPanel')) });
offer('mail_template', { tab: 'tmpl.tab', handles: ['test'], shows: ['subject', 'html', 'text'], Body: lazy(() => import('./mail/TemplatePanel')) });
offer('mail_server', { tab: 'mail.tab', handles: ['set_password', 'check'], Body: lazy(() => import('./mail/ServerPanel')) });
offer('contact', { tab: 'event.tab', behind: true, handles: [], Body: lazy(() => import('./event/BehaviourPanel')) });
offer('event_source', { tab: 'event.source.tab', handles: [], Body: lazy(() => import('./event/SourcePanel')) });
offer('segment', { tab: 'seg.tab', handles: ['build', 'add', 'remove'], Body: lazy(() => import('./segment/SegmentPanel')) });
