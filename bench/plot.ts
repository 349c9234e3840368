import { PEERS, type Peer } from './bundles.ts'
import { rounded } from './figures.ts'
import { NAMES, type Row } from './goals.ts'

/** In pixels. */
const WIDTH = 880
const LABEL_WIDTH = 300
const VALUE_WIDTH = 60
const BAR = 11
const GAP = 16
const TOP = 46

const TITLE = 'What this service, the usual stack and the ledger floor take'

const COLORS: Readonly<Record<Peer, string>> = { ours: '#0b6e4f', usual: '#c8553d', floor: '#8d99ae' }

/**
 * Returns an SVG with a group of bars per figure that has a goal. Within a group, the largest value has the
 * longest bar.
 */
export const toPlot = (rows: readonly Row[]): string => {
  const groups = rows.filter(({ goal }) => goal !== undefined)
  const groupHeight = PEERS.length * BAR + GAP
  const height = TOP + groups.length * groupHeight
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${TITLE}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...PEERS.flatMap((peer, index) => toKey(peer, LABEL_WIDTH + index * 130)),
    ...groups.flatMap((row, index) => toGroup(row, TOP + index * groupHeight)),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

const toKey = (peer: Peer, x: number): readonly string[] => [
  `<rect x="${x}" y="14" width="12" height="12" fill="${COLORS[peer]}"/>`,
  `<text x="${x + 18}" y="24" fill="#222222">${NAMES[peer]}</text>`,
]

const toGroup = ({ figure, values }: Row, y: number): readonly string[] => {
  const largest = Math.max(...PEERS.map((peer) => values[peer]))
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / largest
  return [
    `<text x="${LABEL_WIDTH - 10}" y="${y + 21}" text-anchor="end" fill="#222222">${figure}</text>`,
    ...PEERS.flatMap((peer, index) => {
      const width = Math.max(1, values[peer] * scale).toFixed(1)
      const top = y + index * BAR
      const end = LABEL_WIDTH + Number(width) + 6
      return [
        `<rect x="${LABEL_WIDTH}" y="${top}" width="${width}" height="${BAR - 1}" fill="${COLORS[peer]}"/>`,
        `<text x="${end}" y="${top + 9}" font-size="10" fill="#444444">${rounded(values[peer])}</text>`,
      ]
    }),
  ]
}
