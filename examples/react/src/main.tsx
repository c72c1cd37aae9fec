import './style.css';
import { mount } from './mount';
import { takeToken } from './token';

mount(document.getElementById('root')!, takeToken());
