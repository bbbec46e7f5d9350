import type { RouteDefinition } from 'svelte-spa-router';
import HomePage from './routes/home/HomePage.svelte';
import MedicationsPage from './routes/medications/MedicationsPage.svelte';
import ComposePage from './routes/messages/ComposePage.svelte';
import MessagesPage from './routes/messages/MessagesPage.svelte';
import ThreadPage from './routes/messages/ThreadPage.svelte';
import NotFoundPage from './routes/NotFoundPage.svelte';
import ProfilePage from './routes/profile/ProfilePage.svelte';
import ReportPage from './routes/results/ReportPage.svelte';
import ResultsPage from './routes/results/ResultsPage.svelte';

/** Pages after sign-in. Addresses carry random ids and years only. */
export const ROUTES: RouteDefinition = {
  '/': HomePage,
  '/medications': MedicationsPage,
  '/results': ResultsPage,
  '/results/:year/:reportId': ReportPage,
  '/messages': MessagesPage,
  '/messages/new': ComposePage,
  '/messages/:threadId': ThreadPage,
  '/profile': ProfilePage,
  '*': NotFoundPage,
};
