/**
 * JSON that is read strictly: every message names the file, the field and what may stand there; nothing is missing, null, twice or unknown
 * without a word. Network files, schedules, checkpoints' metadata, metrics, manifests and measurements are read through it.
 *
 * <p>Read {@link duet.json.StrictJson} first. A new file format is a record for {@link duet.json.StrictJson#read}, or
 * {@link duet.json.JsonFields} where the fields depend on each other.
 */
package duet.json;
