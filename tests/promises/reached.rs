//! What the network can do: slow is not dead, strangers take no place, and errors name people.
