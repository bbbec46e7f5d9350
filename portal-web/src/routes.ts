import type { RouteDefinition } from 'svelte-spa-router';
import HomePage from './routes/home/HomePage.svelte';
import MedicationsPage from './routes/medications/MedicationsPage.svelte';
import ComposePage from './routes/messages/ComposePage.svelte';
import MessagesPage from './routes/messages/MessagesPage.svelte';
import ThreadPage from './routes/messages/ThreadPage.svelte';
import NotFoundPage from './routes/NotFoundPage.svelte';
import AccessHistoryPage from './routes/profile/AccessHistoryPage.svelte';
import NewResultsPage from './routes/profile/NewResultsPage.svelte';
import ProfilePage from './routes/profile/ProfilePage.svelte';
import AllergiesPage from './routes/record/allergies/AllergiesPage.svelte';
import AssessmentsPage from './routes/record/assessments/AssessmentsPage.svelte';
import BillingPage from './routes/record/billing/BillingPage.svelte';
import CarePlanPage from './routes/record/care-plan/CarePlanPage.svelte';
import CareTeamPage from './routes/record/care-team/CareTeamPage.svelte';
import CoveragePage from './routes/record/coverage/CoveragePage.svelte';
import DevicesPage from './routes/record/devices/DevicesPage.svelte';
import DocumentsPage from './routes/record/documents/DocumentsPage.svelte';
import DownloadPage from './routes/record/download/DownloadPage.svelte';
import ImmunizationRecordPage from './routes/record/immunizations/ImmunizationRecordPage.svelte';
import ImmunizationsPage from './routes/record/immunizations/ImmunizationsPage.svelte';
import NotePage from './routes/record/notes/NotePage.svelte';
import NotesPage from './routes/record/notes/NotesPage.svelte';
import PracticePage from './routes/record/practice/PracticePage.svelte';
import ProblemsPage from './routes/record/problems/ProblemsPage.svelte';
import ProceduresPage from './routes/record/procedures/ProceduresPage.svelte';
import RecordPage from './routes/record/RecordPage.svelte';
import ReportsPage from './routes/record/reports/ReportsPage.svelte';
import WrittenReportPage from './routes/record/reports/WrittenReportPage.svelte';
import SocialHistoryPage from './routes/record/social-history/SocialHistoryPage.svelte';
import VitalPage from './routes/record/vitals/VitalPage.svelte';
import VitalsPage from './routes/record/vitals/VitalsPage.svelte';
import ReportPage from './routes/results/ReportPage.svelte';
import ResultsPage from './routes/results/ResultsPage.svelte';
import VisitPage from './routes/visits/VisitPage.svelte';
import VisitsPage from './routes/visits/VisitsPage.svelte';

/** Pages after sign-in. Addresses carry random ids, years and kinds of measurements only. */
export const ROUTES: RouteDefinition = {
  '/': HomePage,
  '/medications': MedicationsPage,
  '/results': ResultsPage,
  '/results/:year/:reportId': ReportPage,
  '/record': RecordPage,
  '/record/problems': ProblemsPage,
  '/record/allergies': AllergiesPage,
  '/record/immunizations': ImmunizationsPage,
  '/record/immunizations/print': ImmunizationRecordPage,
  '/record/procedures': ProceduresPage,
  '/record/devices': DevicesPage,
  '/record/vitals': VitalsPage,
  '/record/vitals/:kind': VitalPage,
  '/record/notes': NotesPage,
  '/record/notes/:noteId': NotePage,
  '/record/reports': ReportsPage,
  '/record/documents': DocumentsPage,
  '/record/download': DownloadPage,
  '/record/reports/:reportId': WrittenReportPage,
  '/record/care-team': CareTeamPage,
  '/record/care-plan': CarePlanPage,
  '/record/assessments': AssessmentsPage,
  '/record/social-history': SocialHistoryPage,
  '/record/coverage': CoveragePage,
  '/record/billing': BillingPage,
  '/record/practice': PracticePage,
  '/visits': VisitsPage,
  '/visits/:encounterId': VisitPage,
  '/messages': MessagesPage,
  '/messages/new': ComposePage,
  '/messages/:threadId': ThreadPage,
  '/profile': ProfilePage,
  '/profile/access-history': AccessHistoryPage,
  '/profile/new-results': NewResultsPage,
  '*': NotFoundPage,
};
