// Who lives in the seed, and what they say. All invented.
export const PEOPLE = [
  ["maya_reef", "Maya Okafor", "Waves, mostly. Some of them are mine."], ["tomasz", "Tomasz Wilk", "I draw with formulas."],
  ["lin_lagoon", "Lin Zhao", "Slow films for fast days."], ["amara", "Amara Diallo", "Fractals at breakfast."],
  ["jonas_k", "Jonas Keller", "Cellular automata and sourdough."], ["priya", "Priya Raman", "Colour is a function."],
  ["sol_y_mar", "Lucía Ferrer", "Sunsets, collected."], ["nuka", "Nuka Petersen", "Northern lights, from memory."],
  ["oskar", "Oskar Lind", "Retro demos, no nostalgia."], ["hana", "Hana Sato", "Quiet things that move."],
  ["ravi_net", "Ravi Menon", "Every pixel knows its place."], ["ines", "Inês Duarte", "Tides and tea."],
  ["kwame", "Kwame Mensah", "Sound on, please."], ["elif", "Elif Aydın", "I superlike responsibly."],
  ["mateo", "Mateo Ruiz", "Here for the comments."], ["freya", "Freya Holm", "Counting things that repeat."],
  ["dmitri", "Dmitri Volkov", "Math teacher on holiday."], ["zola", "Zola Nkosi", "Likes green."],
  ["arthur", "Arthur Penhale", "Retired lighthouse."], ["mei", "Mei Tanaka", "Snow in summer."],
  ["gus", "Gustavo Lima", "Hammock critic."], ["ava_t", "Ava Thompson", "New here."],
  ["bjorn", "Bjørn Dahl", "Cold water swimmer."], ["celine", "Céline Moreau", "Moderates, moderately."],
  ["farid", "Farid Nazari", "Reads the event log for fun."], ["grace", "Grace Kim", "One clip a day."],
  ["hugo", "Hugo Peeters", "Runs on replica three."], ["iris", "Iris Novak", "Eyes open."],
  ["jamal", "Jamal Carter", "Bass line enjoyer."], ["kaia", "Kaia Tamm", "From the small island on the left."],
  ["leo", "Leo Rossi", "Will comment for points."], ["nadia", "Nadia Haddad", "Night shift."],
];
export const MODERATORS = ["celine", "farid", "freya"];
export const COMMENTS = [
  "I could watch this for an hour.", "The sound makes it.", "How is this only a formula?", "My cat approves.", "Second loop is even better.",
  "Saved for a rainy day.", "This is what my brain looks like at 3 am.", "Calm. Thank you.", "Please make a longer one!", "Now do it in red.",
  "No replica was harmed.", "Reminds me of home.", "Math teachers love this one trick.", "Superliked, no regrets.", "Found you through #waves.",
  "I tried to count them and lost.", "Put this on a big wall.", "Sound off, still loud.", "First!", "Who else is here after the upgrade?",
];
export const MESSAGES = ["Loved your last clip!", "Thank you! It took four tries.", "Want to make one together?", "Yes! Waves meet fractals?", "Deal."];
