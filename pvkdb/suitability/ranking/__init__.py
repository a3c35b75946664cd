"""From evidence to an order: desirability, scores, acceptability, ranked lists."""
