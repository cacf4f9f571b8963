/** What a card is asked one by one: the rates that the static model of kernels (duet.device.cuda.model) takes from elsewhere. */
package duet.bench.probe;
