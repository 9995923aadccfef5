import 'failsoft/element';

import { client } from '../client.js';

const chat = document.querySelector('failsoft-chat');
chat.client = client;
chat.addEventListener('failsoft-answer', ({ detail }) => console.log(`${detail.message.model} answered`, detail.report));
