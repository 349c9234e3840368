import type { Shown, ShownConversation, Step, Switch } from '../shown.ts'

const find = <T extends Element>(selector: string, type: new () => T): T => {
  const element = document.querySelector(selector)
  if (element instanceof type) return element
  throw new Error(`The page has no ${selector}`)
}

const form = find('form', HTMLFormElement)
const routes = find('#route', HTMLSelectElement)
const queues = find('#queues', HTMLElement)
const switches = find('#switches', HTMLUListElement)
const workspace = find('#workspace', HTMLElement)
const nothing = find('#nothing', HTMLElement)
const requests = find('#request', HTMLSelectElement)
const steps = find('#step-list', HTMLOListElement)
const said = find('#said', HTMLElement)

let shown: Shown | undefined

const create = (tag: string, text = '', className = ''): HTMLElement => {
  const element = document.createElement(tag)
  element.textContent = text
  if (className !== '') element.className = className
  return element
}

const send = async (command: object): Promise<void> => {
  const response = await fetch('commands', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(command),
  }).catch(() => undefined)
  if (response?.ok) said.textContent = ''
  else said.textContent = response ? (await response.json()).error : 'The local stack does not answer.'
}

const timeOf = (at: number): string => new Date(at).toISOString().slice(11, 23)

/** Changes only what differs, so that the focus and what somebody types stay where they are. */
const setText = (element: Element | null, text: string): void => {
  if (element && element.textContent !== text) element.textContent = text
}

const createButton = (label: string, onClick: () => void): HTMLButtonElement => {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = label
  button.addEventListener('click', onClick)
  return button
}

const createCard = ({ conversationId, campaign, consumer, attributes }: ShownConversation): HTMLElement => {
  const card = create('article')
  card.id = `c-${conversationId}`
  const title = create('h3')
  title.id = `t-${conversationId}`
  title.tabIndex = -1
  card.setAttribute('aria-labelledby', title.id)
  const facts = [`Campaign ${campaign}`, ...attributes.map((one) => `${one} (shown as authenticated)`)]
  const joining = createButton('Join', () => void send({ action: 'join', conversationId }))
  const closing = createButton('Close', () => void send({ action: 'close', conversationId }))
  const answering = document.createElement('form')
  answering.className = 'actions'
  const label = create('label', `Answer to ${consumer}`)
  const text = document.createElement('input')
  text.required = true
  label.append(text)
  const button = document.createElement('button')
  button.textContent = 'Answer'
  answering.append(label, button)
  answering.addEventListener('submit', (event) => {
    event.preventDefault()
    void send({ action: 'answer', conversationId, text: text.value })
    text.value = ''
  })
  const actions = create('p', '', 'actions')
  actions.append(joining, closing)
  card.append(
    title,
    create('p', facts.join(' · '), 'quiet'),
    create('ul', '', 'messages'),
    answering,
    actions,
  )
  return card
}

const fillCard = (card: HTMLElement, conversation: ShownConversation): void => {
  const { consumer, state, agent, messages } = conversation
  const isOpen = state === 'OPEN'
  const handled = agent === undefined ? 'waits for an agent' : `with ${agent}`
  setText(card.querySelector('h3'), `${consumer}, ${isOpen ? handled : 'closed'}`)
  card.classList.toggle('closed', !isOpen)
  const list = card.querySelector('ul')
  for (const { from, text } of messages.slice(list?.children.length ?? 0))
    list?.append(create('li', text, from))
  const [joining, closing] = card.querySelectorAll<HTMLButtonElement>('p button')
  const answering = card.querySelector('form')
  const { activeElement } = document
  if (joining) joining.hidden = !isOpen || agent !== undefined
  if (closing) closing.hidden = !isOpen
  if (answering) answering.hidden = !isOpen || agent === undefined
  // Without this, the focus of a control that is now hidden would move to the start of the page.
  if (activeElement?.closest('[hidden]') && card.contains(activeElement))
    (isOpen ? answering?.querySelector('input') : card.querySelector('h3'))?.focus()
}

const showConversations = (conversations: readonly ShownConversation[]): void => {
  nothing.hidden = conversations.length > 0
  // The simulator was reset, or newer conversations took their place.
  const known = new Set(conversations.map(({ conversationId }) => `c-${conversationId}`))
  for (const card of workspace.querySelectorAll('article')) if (!known.has(card.id)) card.remove()
  for (const group of [...workspace.children]) if (!group.querySelector('article')) group.remove()
  for (const [skill, ofSkill] of Map.groupBy(conversations, (one) => one.skill)) {
    const id = `skill-${skill.replaceAll(/\W/g, '-')}`
    let group = document.getElementById(id)
    if (!group) {
      group = create('div')
      group.id = id
      group.append(create('h3', skill))
      workspace.append(group)
    }
    for (const conversation of ofSkill.toReversed()) {
      let card = document.getElementById(`c-${conversation.conversationId}`)
      if (!card) {
        card = createCard(conversation)
        group.firstElementChild?.after(card)
        said.textContent = `${skill}: a conversation with ${conversation.consumer} has arrived.`
      }
      fillCard(card, conversation)
    }
  }
}

const showSwitches = (list: readonly Switch[]): void => {
  for (const { name, label, isOn } of list) {
    let box = switches.querySelector<HTMLInputElement>(`[name="${name}"]`)
    if (!box) {
      const created = document.createElement('input')
      created.type = 'checkbox'
      created.name = name
      created.addEventListener('change', () => void send({ action: 'switch', name, on: created.checked }))
      const item = create('li')
      const text = create('label')
      text.append(created, label)
      item.append(text)
      switches.append(item)
      box = created
    }
    box.checked = isOn
  }
}

const showSteps = (all: readonly Step[]): void => {
  const known = new Set([...requests.options].map(({ value }) => value))
  for (const { requestId } of all.toReversed())
    if (requestId !== undefined && !known.has(requestId)) {
      known.add(requestId)
      requests.options[0]?.after(new Option(requestId, requestId))
    }
  const wanted = requests.value
  const items = all
    .filter(({ requestId }) => wanted === '' || requestId === wanted)
    .map(({ at, kind, text, isTrouble }) => {
      const item = create('li', '', isTrouble ? 'trouble' : '')
      item.append(create('span', timeOf(at)), create('span', kind), create('span', text))
      return item
    })
  steps.replaceChildren(...items)
}

const show = ({ conversations, queues: waiting, switches: list, steps: all }: Shown): void => {
  const { events, handOver, quarantine } = waiting
  setText(queues, `Events queue ${events} · Hand-over queue ${handOver} · Quarantine ${quarantine}`)
  showConversations(conversations)
  showSwitches(list)
  showSteps(all)
}

routes.addEventListener('change', () => {
  form.dataset.route = routes.value
})
requests.addEventListener('change', () => shown && showSteps(shown.steps))
find('#kill', HTMLButtonElement).addEventListener('click', () => void send({ action: 'kill' }))

const names: readonly string[] = await (await fetch('routes')).json()
routes.replaceChildren(...names.map((name) => new Option(name, name)))
form.dataset.route = routes.value

const stream = new EventSource('events')
stream.addEventListener('message', ({ data }) => {
  shown = JSON.parse(data)
  if (shown) show(shown)
})
stream.addEventListener('error', () => setText(queues, 'The local stack does not answer.'))
