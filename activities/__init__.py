"""The only place that touches the network, the disk or a secret."""
