"""What tokens cost: published prices, the user's own, and the arithmetic on them."""
