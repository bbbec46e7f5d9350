import { mount } from 'svelte';
import App from './App.svelte';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/print.css';
import { locale } from './text/locale.js';

document.documentElement.lang = locale;

const target = document.getElementById('app');
if (target !== null) {
  mount(App, { target });
}
