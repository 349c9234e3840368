/** Replaces the SDK's event streams in the bundle. No operation of this service has one. */
export class EventStreamSerde {
  constructor() {
    throw new Error('This package was built without event streams')
  }
}
